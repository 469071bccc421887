-- user_id is the first column of every key, so that the tables can be distributed by it.

-- One row a user, never deleted: its lock orders all that happens to the user's money, in every replica.
create table accounts (
    user_id text collate "C" primary key,
    -- Profit realized on positions that have been closed since.
    closed_pnl numeric(38, 10) not null default 0
);

create table portfolio (
    user_id text collate "C" not null,
    symbol text collate "C" not null,
    quantity numeric(18, 6) not null,
    cost_basis numeric(38, 10) not null,
    realized_pnl numeric(38, 10) not null,
    updated_at timestamptz not null,
    primary key (user_id, symbol),
    constraint portfolio_quantity_positive check (quantity > 0),
    constraint portfolio_cost_basis_not_negative check (cost_basis >= 0)
);

create table trades (
    id uuid not null,
    user_id text collate "C" not null,
    symbol text collate "C" not null,
    side text not null,
    quantity numeric(18, 6) not null,
    price numeric(14, 4) not null,
    total numeric(38, 10) not null,
    realized_pnl numeric(38, 10),
    executed_at timestamptz not null,
    primary key (user_id, id),
    constraint trades_side_known check (side in ('buy', 'sell')),
    constraint trades_quantity_positive check (quantity > 0),
    constraint trades_price_positive check (price > 0),
    constraint trades_total_exact check (total = quantity * price),
    constraint trades_realized_by_sells check ((side = 'sell') = (realized_pnl is not null))
);

create index trades_by_id on trades (id);

-- The first answer to each order that came with an Idempotency-Key.
create table idempotency_keys (
    user_id text collate "C" not null,
    side text not null,
    key text collate "C" not null,
    -- What was ordered, to refuse the key for anything else.
    fingerprint text not null,
    status smallint not null,
    body text not null,
    trade_id uuid,
    answered_at timestamptz not null,
    primary key (user_id, side, key)
);

create index idempotency_keys_by_age on idempotency_keys (answered_at);
