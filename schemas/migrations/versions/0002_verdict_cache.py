"""verdict cache"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "verdict_cache",
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("verifier", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_verdict_cache")),
    )
    op.create_index("ix_verdict_cache_verifier_version", "verdict_cache", ["verifier", "version"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_verdict_cache_verifier_version", table_name="verdict_cache")
    op.drop_table("verdict_cache")
