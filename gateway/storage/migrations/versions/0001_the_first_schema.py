"""the first schema"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import Document, Id, Time

revision: Final = '0001'
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table('inbox_entries',
    sa.Column('user_id', Id, nullable=False),
    sa.Column('notification_id', Id, nullable=False),
    sa.Column('team_id', Id, nullable=False),
    sa.Column('category', sa.String(length=40), nullable=False),
    sa.Column('episode', sa.Integer(), nullable=False, comment='the last one this person was told of'),
    sa.Column('reason', sa.String(length=20), nullable=False),
    sa.Column('listed', sa.Boolean(), nullable=False, comment='false: known by mail only, in-app is off'),
    sa.Column('first_at', Time(), nullable=False),
    sa.Column('last_at', Time(), nullable=False),
    sa.Column('read_at', Time(), nullable=True),
    sa.Column('archived_at', Time(), nullable=True),
    sa.Column('dismissed_at', Time(), nullable=True),
    sa.Column('snoozed_until', Time(), nullable=True),
    sa.Column('muted_until', Time(), nullable=True),
    sa.PrimaryKeyConstraint('user_id', 'notification_id', name=op.f('pk_inbox_entries')),
    comment="one user's view of a notification; without foreign keys, which make fan-out several times slower"
    )
    op.create_index('ix_inbox_entries_list', 'inbox_entries', ['user_id', 'last_at', 'notification_id'], unique=False)
    op.create_index(op.f('ix_inbox_entries_notification_id'), 'inbox_entries', ['notification_id'], unique=False)
    op.create_index('ix_inbox_entries_unread', 'inbox_entries', ['user_id', 'category'], unique=False, sqlite_where=sa.text('read_at IS NULL'), postgresql_where=sa.text('read_at IS NULL'))

    op.create_table('request_keys',
    sa.Column('source_id', Id, nullable=False),
    sa.Column('request_key', sa.String(length=300), nullable=False),
    sa.Column('body_digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('event_id', Id, nullable=False),
    sa.Column('received_at', Time(), nullable=False),
    sa.PrimaryKeyConstraint('source_id', 'request_key', name=op.f('pk_request_keys')),
    comment='outlives the events it names'
    )
    op.create_table('teams',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('slug', sa.String(length=80), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('base_url', sa.Text(), nullable=True),
    sa.Column('created_at', Time(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_teams')),
    sa.UniqueConstraint('slug', name=op.f('uq_teams_slug'))
    )
    op.create_table('users',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('email', sa.String(length=320), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('settings', Document, nullable=False, comment='what the person chose; defaults are absent'),
    sa.Column('enabled', sa.Boolean(), server_default=sa.text('(true)'), nullable=False, comment='the master switch'),
    sa.Column('in_app_enabled', sa.Boolean(), server_default=sa.text('(true)'), nullable=False),
    sa.Column('email_enabled', sa.Boolean(), server_default=sa.text('(true)'), nullable=False),
    sa.Column('in_app_weight', sa.SmallInteger(), server_default=sa.text('1'), nullable=False),
    sa.Column('email_weight', sa.SmallInteger(), server_default=sa.text('2'), nullable=False),
    sa.Column('created_at', Time(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_users')),
    sa.UniqueConstraint('email', name=op.f('uq_users_email'))
    )
    op.create_table('conversations',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('team_id', Id, nullable=False),
    sa.Column('identity', sa.String(length=64), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('opened_at', Time(), nullable=False),
    sa.Column('closed_at', Time(), nullable=True),
    sa.ForeignKeyConstraint(['team_id'], ['teams.id'], name=op.f('fk_conversations_team_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_conversations'))
    )
    op.create_index('uq_conversations_open', 'conversations', ['identity'], unique=True, sqlite_where=sa.text('closed_at IS NULL'), postgresql_where=sa.text('closed_at IS NULL'))

    op.create_table('credentials',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('user_id', Id, nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False, comment='token, session or sign-in'),
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False, comment='SHA-256; the credential itself is never stored'),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('managed', sa.Boolean(), server_default=sa.text('(false)'), nullable=False, comment='owned by tocsin.toml'),
    sa.Column('created_at', Time(), nullable=False),
    sa.Column('expires_at', Time(), nullable=True),
    sa.Column('last_used_at', Time(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_credentials_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_credentials')),
    sa.UniqueConstraint('digest', name=op.f('uq_credentials_digest'))
    )
    op.create_index(op.f('ix_credentials_user_id'), 'credentials', ['user_id'], unique=False)

    op.create_table('membership_permissions',
    sa.Column('team_id', Id, nullable=False),
    sa.Column('user_id', Id, nullable=False),
    sa.Column('permission', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['team_id'], ['teams.id'], name=op.f('fk_membership_permissions_team_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_membership_permissions_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('team_id', 'user_id', 'permission', name=op.f('pk_membership_permissions'))
    )
    op.create_table('memberships',
    sa.Column('team_id', Id, nullable=False),
    sa.Column('user_id', Id, nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.ForeignKeyConstraint(['team_id'], ['teams.id'], name=op.f('fk_memberships_team_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_memberships_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('team_id', 'user_id', name=op.f('pk_memberships'))
    )
    op.create_index(op.f('ix_memberships_user_id'), 'memberships', ['user_id'], unique=False)

    op.create_table('sources',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('team_id', Id, nullable=False),
    sa.Column('slug', sa.String(length=80), nullable=False),
    sa.Column('kind', sa.String(length=80), nullable=False),
    sa.Column('environment', sa.String(length=80), server_default='', nullable=False),
    sa.Column('auth', Document, nullable=False, comment='proofs: digests of static credentials, encrypted signing secrets'),
    sa.Column('settings', Document, nullable=False),
    sa.Column('managed', sa.Boolean(), server_default=sa.text('(false)'), nullable=False, comment='owned by tocsin.toml'),
    sa.Column('created_at', Time(), nullable=False),
    sa.Column('disabled_at', Time(), nullable=True),
    sa.ForeignKeyConstraint(['team_id'], ['teams.id'], name=op.f('fk_sources_team_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sources'))
    )
    op.create_index(op.f('ix_sources_team_id_slug'), 'sources', ['team_id', 'slug'], unique=True)

    op.create_table('subscriptions',
    sa.Column('user_id', Id, nullable=False),
    sa.Column('team_id', Id, nullable=False),
    sa.Column('category', sa.String(length=40), nullable=False),
    sa.Column('in_app', sa.Boolean(), nullable=False),
    sa.Column('email', sa.Boolean(), nullable=False),
    sa.Column('in_app_weight', sa.SmallInteger(), nullable=True, comment="NULL: the person's own minimum for the channel"),
    sa.Column('email_weight', sa.SmallInteger(), nullable=True),
    sa.Column('scope', sa.String(length=10), server_default='all', nullable=False),
    sa.Column('chosen', sa.Boolean(), nullable=False, comment='by the person; false: a default from the configuration'),
    sa.ForeignKeyConstraint(['team_id'], ['teams.id'], name=op.f('fk_subscriptions_team_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_subscriptions_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'team_id', 'category', name=op.f('pk_subscriptions'))
    )
    op.create_table('user_owns',
    sa.Column('user_id', Id, nullable=False),
    sa.Column('owner', sa.String(length=200), nullable=False, comment="a word that counts as this person's in owners and tags"),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_user_owns_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'owner', name=op.f('pk_user_owns'))
    )
    op.create_table('deliveries',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('user_id', Id, nullable=False),
    sa.Column('team_id', Id, nullable=False),
    sa.Column('conversation_id', Id, nullable=False),
    sa.Column('channel', sa.String(length=10), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False, comment='failing or resolved'),
    sa.Column('news', sa.String(length=300), nullable=False, comment='what it tells of; the same news makes one delivery'),
    sa.Column('status', sa.String(length=20), nullable=False, comment='waiting, sent, kept, failed or cancelled'),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('due_at', Time(), nullable=False),
    sa.Column('lease', sa.String(length=40), nullable=True),
    sa.Column('message_id', sa.Text(), nullable=True),
    sa.Column('mail', sa.LargeBinary(), nullable=True, comment='frozen before the first attempt'),
    sa.Column('last_answer', sa.Text(), nullable=True),
    sa.Column('created_at', Time(), nullable=False),
    sa.Column('finished_at', Time(), nullable=True),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_deliveries_conversation_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['team_id'], ['teams.id'], name=op.f('fk_deliveries_team_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_deliveries_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deliveries')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_deliveries_conversation_id'), 'deliveries', ['conversation_id'], unique=False)
    op.create_index(op.f('ix_deliveries_user_id_conversation_id_channel_news'), 'deliveries', ['user_id', 'conversation_id', 'channel', 'news'], unique=True)
    op.create_index('ix_deliveries_waiting', 'deliveries', ['due_at', 'id'], unique=False, sqlite_where=sa.text("status = 'waiting'"), postgresql_where=sa.text("status = 'waiting'"))

    op.create_table('events',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('source_id', Id, nullable=False),
    sa.Column('request_key', sa.String(length=300), nullable=True),
    sa.Column('method', sa.String(length=10), nullable=False),
    sa.Column('path', sa.Text(), nullable=False),
    sa.Column('query', sa.Text(), nullable=False),
    sa.Column('headers', Document, nullable=False, comment='[[name, value], ...], credentials stripped'),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('received_at', Time(), nullable=False),
    sa.Column('conflicting', sa.Boolean(), server_default=sa.text('(false)'), nullable=False, comment='a known request key with other bytes'),
    sa.ForeignKeyConstraint(['source_id'], ['sources.id'], name=op.f('fk_events_source_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_events')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_events_source_id_id'), 'events', ['source_id', 'id'], unique=False)

    op.create_table('monitors',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('source_id', Id, nullable=False),
    sa.Column('pipeline', sa.String(length=200), nullable=False),
    sa.Column('cron', sa.String(length=200), nullable=True, comment='either this or interval_seconds'),
    sa.Column('interval_seconds', sa.Integer(), nullable=True),
    sa.Column('timezone', sa.String(length=80), nullable=False),
    sa.Column('grace_seconds', sa.Integer(), nullable=False),
    sa.Column('disabled_at', Time(), nullable=True),
    sa.ForeignKeyConstraint(['source_id'], ['sources.id'], name=op.f('fk_monitors_source_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_monitors')),
    comment='owned by tocsin.toml'
    )
    op.create_index(op.f('ix_monitors_source_id_pipeline'), 'monitors', ['source_id', 'pipeline'], unique=True)

    op.create_table('notifications',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('identity', sa.String(length=64), nullable=False),
    sa.Column('team_id', Id, nullable=False),
    sa.Column('source_id', Id, nullable=True),
    sa.Column('conversation_id', Id, nullable=True),
    sa.Column('environment', sa.String(length=80), server_default='', nullable=False),
    sa.Column('slug', sa.String(length=80), server_default='', nullable=False),
    sa.Column('event_data', Document, nullable=True),
    sa.Column('category', sa.String(length=40), server_default='system', nullable=False),
    sa.Column('status', sa.String(length=20), server_default='unseen', nullable=False, comment='unseen, open or resolved'),
    sa.Column('level', sa.String(length=10), server_default='info', nullable=False),
    sa.Column('weight', sa.SmallInteger(), server_default=sa.text('1'), nullable=False),
    sa.Column('urgent', sa.Boolean(), server_default=sa.text('(false)'), nullable=False),
    sa.Column('urgent_stated', sa.Boolean(), nullable=True, comment='what the mapper or creator said; NULL: the rule decides'),
    sa.Column('title', sa.Text(), server_default='', nullable=False),
    sa.Column('message', sa.Text(), server_default='', nullable=False),
    sa.Column('links', Document, nullable=True),
    sa.Column('facts', Document, nullable=True),
    sa.Column('tags', Document, nullable=True),
    sa.Column('impact', Document, nullable=True),
    sa.Column('pipeline', sa.String(length=200), nullable=True),
    sa.Column('run', sa.String(length=200), nullable=True),
    sa.Column('excerpt', sa.Text(), server_default='', nullable=False),
    sa.Column('source_app', sa.String(length=200), nullable=True),
    sa.Column('source_model', sa.String(length=200), nullable=True),
    sa.Column('source_ref', sa.String(length=200), nullable=True),
    sa.Column('expires_at', Time(), nullable=True),
    sa.Column('silence_at', Time(), nullable=True, comment='closes itself then unless there is news'),
    sa.Column('episode', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('count', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('firing', sa.Integer(), server_default=sa.text('0'), nullable=False, comment='members shown as failing'),
    sa.Column('members_total', sa.Integer(), server_default=sa.text('0'), nullable=False, comment='members that ever failed in this episode'),
    sa.Column('first_at', Time(), nullable=True),
    sa.Column('opened_at', Time(), nullable=True),
    sa.Column('resolved_at', Time(), nullable=True),
    sa.Column('last_at', Time(), nullable=True),
    sa.Column('folded_at', Time(), nullable=True, comment='with the next two: the order of the last occurrence folded in'),
    sa.Column('folded_resolved', sa.Boolean(), nullable=True),
    sa.Column('folded_key', sa.Text(), nullable=True),
    sa.Column('due_at', Time(), nullable=True, comment='when the next hold of a member is over'),
    sa.Column('acknowledged_at', Time(), nullable=True),
    sa.Column('acknowledged_by', Id, nullable=True),
    sa.ForeignKeyConstraint(['acknowledged_by'], ['users.id'], name=op.f('fk_notifications_acknowledged_by'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_notifications_conversation_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['source_id'], ['sources.id'], name=op.f('fk_notifications_source_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['team_id'], ['teams.id'], name=op.f('fk_notifications_team_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notifications')),
    sa.UniqueConstraint('identity', name=op.f('uq_notifications_identity')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_notifications_conversation_id'), 'notifications', ['conversation_id'], unique=False)
    op.create_index('ix_notifications_due', 'notifications', ['due_at'], unique=False, sqlite_where=sa.text('due_at IS NOT NULL'), postgresql_where=sa.text('due_at IS NOT NULL'))
    op.create_index('ix_notifications_silence', 'notifications', ['silence_at'], unique=False, sqlite_where=sa.text('silence_at IS NOT NULL'), postgresql_where=sa.text('silence_at IS NOT NULL'))
    op.create_index(op.f('ix_notifications_team_id_last_at'), 'notifications', ['team_id', 'last_at'], unique=False)
    op.create_index('ix_notifications_urgent', 'notifications', ['team_id', 'conversation_id'], unique=False, sqlite_where=sa.text("urgent AND status = 'open'"), postgresql_where=sa.text("urgent AND status = 'open'"))

    op.create_table('pipelines',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('source_id', Id, nullable=False),
    sa.Column('environment', sa.String(length=80), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['source_id'], ['sources.id'], name=op.f('fk_pipelines_source_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pipelines'))
    )
    op.create_index(op.f('ix_pipelines_source_id_environment_name'), 'pipelines', ['source_id', 'environment', 'name'], unique=True)

    op.create_table('rejections',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('source_id', Id, nullable=False),
    sa.Column('reason', sa.String(length=60), nullable=False),
    sa.Column('remote', sa.String(length=64), nullable=False),
    sa.Column('headers', Document, nullable=False, comment='redacted'),
    sa.Column('body_size', sa.Integer(), nullable=True),
    sa.Column('rejected_at', Time(), nullable=False),
    sa.ForeignKeyConstraint(['source_id'], ['sources.id'], name=op.f('fk_rejections_source_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rejections'))
    )
    op.create_index(op.f('ix_rejections_source_id_id'), 'rejections', ['source_id', 'id'], unique=False)

    op.create_table('delivery_items',
    sa.Column('delivery_id', Id, nullable=False),
    sa.Column('notification_id', Id, nullable=False),
    sa.Column('episode', sa.Integer(), nullable=False),
    sa.Column('reason', sa.String(length=20), nullable=False),
    sa.Column('cancelled', sa.Boolean(), server_default=sa.text('(false)'), nullable=False),
    sa.ForeignKeyConstraint(['delivery_id'], ['deliveries.id'], name=op.f('fk_delivery_items_delivery_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['notification_id'], ['notifications.id'], name=op.f('fk_delivery_items_notification_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('delivery_id', 'notification_id', name=op.f('pk_delivery_items'))
    )
    op.create_index(op.f('ix_delivery_items_notification_id'), 'delivery_items', ['notification_id'], unique=False)

    op.create_table('documents',
    sa.Column('source_id', Id, nullable=False),
    sa.Column('name', sa.String(length=300), nullable=False),
    sa.Column('event_id', Id, nullable=False),
    sa.ForeignKeyConstraint(['event_id'], ['events.id'], name=op.f('fk_documents_event_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['source_id'], ['sources.id'], name=op.f('fk_documents_source_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('source_id', 'name', name=op.f('pk_documents')),
    comment='the latest event that holds a document a mapper may want back'
    )
    op.create_index(op.f('ix_documents_event_id'), 'documents', ['event_id'], unique=False)

    op.create_table('members',
    sa.Column('notification_id', Id, nullable=False),
    sa.Column('key', sa.String(length=300), nullable=False),
    sa.Column('label', sa.Text(), nullable=False),
    sa.Column('firing', sa.Boolean(), nullable=False),
    sa.Column('level', sa.String(length=10), nullable=False),
    sa.Column('since', Time(), nullable=False),
    sa.Column('run', sa.String(length=200), nullable=True),
    sa.Column('held_until', Time(), nullable=True),
    sa.Column('episode', sa.Integer(), nullable=False),
    sa.Column('details', Document, nullable=False, comment='message, facts, links, owners, tags, impact, excerpt of the last failure'),
    sa.ForeignKeyConstraint(['notification_id'], ['notifications.id'], name=op.f('fk_members_notification_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('notification_id', 'key', name=op.f('pk_members'))
    )
    op.create_table('notification_owners',
    sa.Column('notification_id', Id, nullable=False),
    sa.Column('owner', sa.String(length=200), nullable=False),
    sa.Column('is_tag', sa.Boolean(), nullable=False, comment="a tag of the sender's; counts for scope like an owner"),
    sa.ForeignKeyConstraint(['notification_id'], ['notifications.id'], name=op.f('fk_notification_owners_notification_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('notification_id', 'owner', 'is_tag', name=op.f('pk_notification_owners'))
    )
    op.create_table('notification_permissions',
    sa.Column('notification_id', Id, nullable=False),
    sa.Column('permission', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['notification_id'], ['notifications.id'], name=op.f('fk_notification_permissions_notification_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('notification_id', 'permission', name=op.f('pk_notification_permissions'))
    )
    op.create_table('occurrences',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('notification_id', Id, nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('event_id', Id, nullable=True, comment='may be gone by retention'),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('occurred_at', Time(), nullable=False),
    sa.Column('recorded_at', Time(), nullable=False),
    sa.Column('run', sa.String(length=200), nullable=True),
    sa.Column('attempt', sa.Integer(), nullable=True),
    sa.Column('reason', sa.String(length=20), nullable=False),
    sa.Column('episode', sa.Integer(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('members', Document, nullable=False, comment='key → level'),
    sa.Column('held_until', Time(), nullable=True),
    sa.Column('spares_own_run', sa.Boolean(), server_default=sa.text('(false)'), nullable=False),
    sa.ForeignKeyConstraint(['notification_id'], ['notifications.id'], name=op.f('fk_occurrences_notification_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_occurrences'))
    )
    op.create_index(op.f('ix_occurrences_notification_id_key'), 'occurrences', ['notification_id', 'key'], unique=True)
    op.create_index('ix_occurrences_watermarks', 'occurrences', ['recorded_at'], unique=False, sqlite_where=sa.text("reason = 'nothing-open'"), postgresql_where=sa.text("reason = 'nothing-open'"))

    op.create_table('processing',
    sa.Column('event_id', Id, nullable=False),
    sa.Column('status', sa.String(length=20), nullable=False, comment='waiting, mapped, ignored, unmapped or quarantined'),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('due_at', Time(), nullable=False),
    sa.Column('lease', sa.String(length=40), nullable=True),
    sa.Column('processed_at', Time(), nullable=True),
    sa.ForeignKeyConstraint(['event_id'], ['events.id'], name=op.f('fk_processing_event_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('event_id', name=op.f('pk_processing')),
    comment='apart from events, which never change'
    )
    op.create_index('ix_processing_waiting', 'processing', ['due_at', 'event_id'], unique=False, sqlite_where=sa.text("status = 'waiting'"), postgresql_where=sa.text("status = 'waiting'"))

    op.create_table('runs',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('pipeline_id', Id, nullable=False),
    sa.Column('run', sa.String(length=200), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('phase', sa.String(length=20), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('phase_at', Time(), nullable=False),
    sa.Column('expected_at', Time(), nullable=True),
    sa.Column('started_at', Time(), nullable=True),
    sa.Column('ended_at', Time(), nullable=True),
    sa.ForeignKeyConstraint(['pipeline_id'], ['pipelines.id'], name=op.f('fk_runs_pipeline_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_runs'))
    )
    op.create_index(op.f('ix_runs_pipeline_id_phase_at'), 'runs', ['pipeline_id', 'phase_at'], unique=False)
    op.create_index(op.f('ix_runs_pipeline_id_run_attempt'), 'runs', ['pipeline_id', 'run', 'attempt'], unique=True)
