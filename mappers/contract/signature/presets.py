"""What each vendor signs and where it writes it, as its own page says."""

from collections.abc import Mapping
from typing import Final

from mappers.contract.signature.proof import Scheme
from mappers.contract.signature.shape import Shape

PRESETS: Final[Mapping[Scheme, tuple[Shape, ...]]] = {
    # https://docs.getdbt.com/docs/deploy/webhooks#validate-a-webhook (bare, although the header is Authorization)
    Scheme.DBT: (Shape("Authorization"),),
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    Scheme.GITHUB: (Shape("X-Hub-Signature-256", prefix="sha256="),),
    # https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/#hmac-signature
    Scheme.GRAFANA: (Shape("X-Grafana-Alerting-Signature"),),
    # https://fivetran.com/docs/rest-api/api-reference/webhooks (in capitals; the page compares whatever the case)
    Scheme.FIVETRAN: (Shape("X-Fivetran-Signature-256"),),
    # https://docs.slack.dev/authentication/verifying-requests-from-slack
    Scheme.SLACK: (
        Shape("X-Slack-Signature", prefix="v0=", message="v0:{timestamp}:{body}", timestamp_header="X-Slack-Request-Timestamp"),
    ),
    # https://docs.stripe.com/webhooks#verify-manually (every scheme but v1 is ignored, against downgrades)
    Scheme.STRIPE: (Shape("Stripe-Signature", prefix="v1=", separator=",", timestamp_prefix="t=", message="{timestamp}.{body}"),),
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    # https://docs.svix.com/receiving/verifying-payloads/how-manual (the same under its older names)
    Scheme.STANDARD_WEBHOOKS: tuple(
        Shape(
            f"{name}-signature", prefix="v1,", encoding="base64", separator=" ", message="{id}.{timestamp}.{body}",
            timestamp_header=f"{name}-timestamp", id_header=f"{name}-id",
        )
        for name in ("webhook", "svix")
    ),
}  # fmt: skip

GRAFANA_WITH_TIMESTAMP: Final = "{timestamp}:{body}"
"""What Grafana signs where its contact point names a timestamp header."""
