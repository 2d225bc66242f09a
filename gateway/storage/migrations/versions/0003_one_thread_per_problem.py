"""one thread per problem, and each to whom it concerns: flapping, reminders, rhythms, recipients, issuers, audit"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import Document, Id, Time

revision: Final = '0003'
down_revision: Final = '0002'
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    op.create_table('audit',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('team_id', Id, nullable=True),
    sa.Column('actor_id', Id, nullable=True),
    sa.Column('actor', sa.Text(), nullable=False, comment='who, in words: the person may be gone'),
    sa.Column('action', sa.String(length=60), nullable=False),
    sa.Column('target', sa.Text(), nullable=False),
    sa.Column('details', Document, nullable=True),
    sa.Column('at', Time(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit')),
    comment='what admins changed; nothing refers to it, and it refers to nothing that may be deleted'
    )
    op.create_index(op.f('ix_audit_team_id_id'), 'audit', ['team_id', 'id'], unique=False)

    op.create_table('idempotency_keys',
    sa.Column('user_id', Id, nullable=False),
    sa.Column('key', sa.String(length=300), nullable=False),
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False, comment='of the request'),
    sa.Column('status', sa.SmallInteger(), nullable=False),
    sa.Column('answer', Document, nullable=False),
    sa.Column('created_at', Time(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_idempotency_keys_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'key', name=op.f('pk_idempotency_keys'))
    )
    op.create_index(op.f('ix_idempotency_keys_created_at'), 'idempotency_keys', ['created_at'], unique=False)

    op.create_table('issuers',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('team_id', Id, nullable=False),
    sa.Column('issuer', sa.String(length=300), nullable=False, comment='the `iss` of its tokens'),
    sa.Column('audience', sa.String(length=300), nullable=False),
    sa.Column('algorithm', sa.String(length=10), nullable=False, comment='HS256 or RS256; a token never chooses'),
    sa.Column('secret', sa.Text(), nullable=True, comment='encrypted; of HS256'),
    sa.Column('jwks', sa.Text(), nullable=True, comment='the address of its keys, or the keys themselves; of RS256'),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('permissions', Document, nullable=False),
    sa.Column('disabled_at', Time(), nullable=True),
    sa.ForeignKeyConstraint(['team_id'], ['teams.id'], name=op.f('fk_issuers_team_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_issuers')),
    sa.UniqueConstraint('issuer', name=op.f('uq_issuers_issuer')),
    comment='applications whose word on who a user is we take; owned by tocsin.toml'
    )
    op.create_table('identities',
    sa.Column('issuer_id', Id, nullable=False),
    sa.Column('subject', sa.String(length=300), nullable=False),
    sa.Column('user_id', Id, nullable=False),
    sa.ForeignKeyConstraint(['issuer_id'], ['issuers.id'], name=op.f('fk_identities_issuer_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_identities_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('issuer_id', 'subject', name=op.f('pk_identities')),
    comment='who an issuer means by a subject'
    )
    op.create_index(op.f('ix_identities_user_id'), 'identities', ['user_id'], unique=False)

    op.create_table('fan_outs',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('team_id', Id, nullable=False),
    sa.Column('notification_id', Id, nullable=False),
    sa.Column('episode', sa.Integer(), nullable=False),
    sa.Column('alert', sa.String(length=20), nullable=False),
    sa.Column('reason', sa.String(length=20), nullable=False),
    sa.Column('news', sa.String(length=300), nullable=False),
    sa.Column('by_mail', sa.Boolean(), nullable=False),
    sa.Column('after_user_id', Id, server_default=sa.text('0'), nullable=False, comment='everyone up to this one was told'),
    sa.Column('created_at', Time(), nullable=False),
    sa.ForeignKeyConstraint(['notification_id'], ['notifications.id'], name=op.f('fk_fan_outs_notification_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['team_id'], ['teams.id'], name=op.f('fk_fan_outs_team_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_fan_outs')),
    comment='a large team is told in ranges of its people; gone once all were told'
    )
    op.create_index(op.f('ix_fan_outs_notification_id_id'), 'fan_outs', ['notification_id', 'id'], unique=False)
    op.create_index(op.f('ix_fan_outs_team_id_news'), 'fan_outs', ['team_id', 'news'], unique=False)

    op.create_table('recipients',
    sa.Column('notification_id', Id, nullable=False),
    sa.Column('user_id', Id, nullable=False),
    sa.ForeignKeyConstraint(['notification_id'], ['notifications.id'], name=op.f('fk_recipients_notification_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_recipients_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('notification_id', 'user_id', name=op.f('pk_recipients')),
    comment='to whom an addressed notification goes'
    )
    op.create_index(op.f('ix_recipients_user_id'), 'recipients', ['user_id'], unique=False)

    op.create_table('scheduled',
    sa.Column('notification_id', Id, nullable=False),
    sa.Column('due_at', Time(), nullable=False),
    sa.Column('request', Document, nullable=False),
    sa.Column('created_by', Id, nullable=False),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_scheduled_created_by'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['notification_id'], ['notifications.id'], name=op.f('fk_scheduled_notification_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('notification_id', name=op.f('pk_scheduled')),
    comment='notifications to be made later; until then their rows hold nothing but an id'
    )
    op.create_index(op.f('ix_scheduled_due_at'), 'scheduled', ['due_at'], unique=False)

    op.add_column('delivery_items', sa.Column('user_id', Id, nullable=True, comment='of its delivery: a range of people is looked up by it'))
    op.execute('UPDATE delivery_items SET user_id = (SELECT deliveries.user_id FROM deliveries WHERE deliveries.id = delivery_items.delivery_id)')
    op.drop_index(op.f('ix_delivery_items_notification_id'), 'delivery_items')
    op.create_index(op.f('ix_delivery_items_notification_id_user_id'), 'delivery_items', ['notification_id', 'user_id'], unique=False)
    op.drop_index(op.f('ix_deliveries_conversation_id'), 'deliveries')
    op.create_index(op.f('ix_deliveries_conversation_id_user_id'), 'deliveries', ['conversation_id', 'user_id'], unique=False)

    op.add_column('credentials', sa.Column('scopes', sa.String(length=60), server_default='read write admin', nullable=False, comment='what a token may be used for'))
    op.create_index('ix_credentials_ingest', 'credentials', ['kind', 'user_id'], unique=False, sqlite_where=sa.text("scopes LIKE '%ingest%'"), postgresql_where=sa.text("scopes LIKE '%ingest%'"))

    op.create_index('uq_deliveries_digest', 'deliveries', ['user_id', 'conversation_id', 'channel'], unique=True, sqlite_where=sa.text("kind = 'digest' AND status = 'waiting' AND attempts = 0"), postgresql_where=sa.text("kind = 'digest' AND status = 'waiting' AND attempts = 0"))

    op.add_column('inbox_entries', sa.Column('snoozed_episode', sa.Integer(), nullable=True, comment='snoozed while this episode is open'))
    op.add_column('inbox_entries', sa.Column('muted_episode', sa.Integer(), nullable=True, comment='muted until this episode is over'))
    op.drop_index(op.f('ix_inbox_entries_notification_id'), 'inbox_entries')
    op.create_index(op.f('ix_inbox_entries_notification_id_user_id'), 'inbox_entries', ['notification_id', 'user_id'], unique=False)
    op.drop_index('ix_inbox_entries_list', 'inbox_entries')
    op.drop_index('ix_inbox_entries_unread', 'inbox_entries')
    op.create_index('ix_inbox_entries_list', 'inbox_entries', ['user_id', 'last_at', 'notification_id', 'team_id', 'category', 'listed', 'read_at', 'muted_until', 'muted_episode', 'snoozed_until', 'snoozed_episode'], unique=False, sqlite_where=sa.text('archived_at IS NULL'), postgresql_where=sa.text('archived_at IS NULL'))
    op.create_index('ix_inbox_entries_archived', 'inbox_entries', ['user_id', 'last_at', 'notification_id'], unique=False, sqlite_where=sa.text('archived_at IS NOT NULL'), postgresql_where=sa.text('archived_at IS NOT NULL'))
    op.create_index('ix_inbox_entries_unread', 'inbox_entries', ['user_id', 'category', 'notification_id', 'team_id', 'listed', 'muted_until', 'muted_episode', 'snoozed_until', 'snoozed_episode'], unique=False, sqlite_where=sa.text('read_at IS NULL AND archived_at IS NULL'), postgresql_where=sa.text('read_at IS NULL AND archived_at IS NULL'))
    op.create_index('ix_inbox_entries_put_aside', 'inbox_entries', ['user_id', 'notification_id'], unique=False, sqlite_where=sa.text('muted_episode IS NOT NULL OR snoozed_episode IS NOT NULL'), postgresql_where=sa.text('muted_episode IS NOT NULL OR snoozed_episode IS NOT NULL'))
    if op.get_context().dialect.name == 'postgresql':  # a list is read from its index alone where its pages are known to be visible: sooner than after a fifth of the table
        op.execute('ALTER TABLE inbox_entries SET (autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)')

    op.add_column('memberships', sa.Column('managed', sa.Boolean(), server_default=sa.text('false'), nullable=False, comment='owned by tocsin.toml'))
    op.add_column('memberships', sa.Column('do_not_disturb_until', Time(), nullable=True))
    op.create_index('ix_memberships_do_not_disturb_until', 'memberships', ['do_not_disturb_until'], unique=False, sqlite_where=sa.text('do_not_disturb_until IS NOT NULL'), postgresql_where=sa.text('do_not_disturb_until IS NOT NULL'))

    op.add_column('notifications', sa.Column('swings', Document, nullable=True, comment='how often it opened and closed of late, see domain.flapping'))
    op.add_column('notifications', sa.Column('flapping', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('notifications', sa.Column('remind_at', Time(), nullable=True, comment='when those who hear by mail are reminded next'))
    op.add_column('notifications', sa.Column('told_at', Time(), nullable=True, comment='when everyone was last alerted or reminded'))
    op.add_column('notifications', sa.Column('reminded', sa.Integer(), server_default=sa.text('0'), nullable=False, comment='reminders since the last alert'))
    op.add_column('notifications', sa.Column('addressed', sa.Boolean(), server_default=sa.text('false'), nullable=False, comment='to its recipients alone, not to the whole team'))
    op.create_index('ix_notifications_expires', 'notifications', ['expires_at', 'id'], unique=False, sqlite_where=sa.text('expires_at IS NOT NULL'), postgresql_where=sa.text('expires_at IS NOT NULL'))
    op.create_index('ix_notifications_named', 'notifications', ['team_id', 'source_app', 'source_model', 'source_ref'], unique=False, sqlite_where=sa.text('source_app IS NOT NULL'), postgresql_where=sa.text('source_app IS NOT NULL'))
    op.drop_index('ix_notifications_urgent', 'notifications')
    op.drop_index(op.f('ix_notifications_team_id_last_at'), 'notifications')
    op.create_index('ix_notifications_open', 'notifications', ['team_id', 'urgent', 'id', 'conversation_id', 'weight', 'opened_at', 'acknowledged_at'], unique=False, sqlite_where=sa.text("status = 'open'"), postgresql_where=sa.text("status = 'open'"))
    op.create_index('ix_notifications_facets', 'notifications', ['id', 'status', 'level', 'urgent', 'source_id', 'pipeline'], unique=False)
    op.create_index(op.f('ix_notifications_pipeline'), 'notifications', ['pipeline'], unique=False)
    op.create_index(op.f('ix_notification_owners_owner_is_tag_notification_id'), 'notification_owners', ['owner', 'is_tag', 'notification_id'], unique=False)
    op.create_index(op.f('ix_notification_permissions_permission'), 'notification_permissions', ['permission'], unique=False)
    op.create_index('ix_notifications_resolved', 'notifications', ['resolved_at', 'id'], unique=False, sqlite_where=sa.text("status = 'resolved'"), postgresql_where=sa.text("status = 'resolved'"))
    op.create_index('ix_notifications_remind', 'notifications', ['remind_at'], unique=False, sqlite_where=sa.text('remind_at IS NOT NULL'), postgresql_where=sa.text('remind_at IS NOT NULL'))

    op.add_column('occurrences', sa.Column('final', sa.Boolean(), server_default=sa.text('false'), nullable=False, comment='said by a person, or by time; ends flapping too'))

    op.add_column('teams', sa.Column('policy', Document, nullable=True, comment='what is urgent and when to remind, where it differs from the defaults'))

    op.add_column('users', sa.Column('mailable', sa.Boolean(), server_default=sa.text('true'), nullable=False, comment="false: known by an issuer's word alone"))
    op.add_column('users', sa.Column('rhythm', sa.String(length=200), nullable=True, comment='quiet hours and digest, see domain.rhythm; NULL: mail leaves at any time'))
    op.add_column('users', sa.Column('urgent_breaks_through', sa.Boolean(), server_default=sa.text('true'), nullable=False))
    op.add_column('users', sa.Column('do_not_disturb_until', Time(), nullable=True, comment='in every team'))
    op.add_column('users', sa.Column('retention_days', sa.Integer(), nullable=True, comment="NULL: the installation's own"))
    op.create_index('ix_users_do_not_disturb_until', 'users', ['do_not_disturb_until'], unique=False, sqlite_where=sa.text('do_not_disturb_until IS NOT NULL'), postgresql_where=sa.text('do_not_disturb_until IS NOT NULL'))
    op.create_index('ix_users_rhythm', 'users', ['rhythm'], unique=False, sqlite_where=sa.text('rhythm IS NOT NULL'), postgresql_where=sa.text('rhythm IS NOT NULL'))
    if op.get_context().dialect.name == 'postgresql':
        op.alter_column('deliveries', 'kind', comment='failing, reminder, resolved or digest', existing_type=sa.String(length=20), existing_nullable=False)
