-- Numbers are kept as the text of their digits, times as RFC 3339 in UTC with microseconds.

create table accounts (
    user_id text primary key,
    -- Profit realized on positions that have been closed since.
    closed_pnl text not null default '0'
) strict, without rowid;

create table portfolio (
    user_id text not null,
    symbol text not null,
    quantity text not null,
    cost_basis text not null,
    realized_pnl text not null,
    updated_at text not null,
    primary key (user_id, symbol),
    constraint portfolio_quantity_positive check (quantity not in ('', '0') and quantity not glob '*[^0-9.]*'),
    constraint portfolio_cost_basis_not_negative check (cost_basis <> '' and cost_basis not glob '*[^0-9.]*')
) strict, without rowid;

create table trades (
    id text not null,
    user_id text not null,
    symbol text not null,
    side text not null,
    quantity text not null,
    price text not null,
    total text not null,
    realized_pnl text,
    executed_at text not null,
    primary key (user_id, id),
    constraint trades_side_known check (side in ('buy', 'sell')),
    constraint trades_quantity_positive check (quantity not in ('', '0') and quantity not glob '*[^0-9.]*'),
    constraint trades_price_positive check (price not in ('', '0') and price not glob '*[^0-9.]*'),
    constraint trades_total_positive check (total not in ('', '0') and total not glob '*[^0-9.]*'),
    constraint trades_realized_by_sells check ((side = 'sell') = (realized_pnl is not null))
) strict, without rowid;

create index trades_by_id on trades (id);

-- The first answer to each order that came with an Idempotency-Key.
create table idempotency_keys (
    user_id text not null,
    side text not null,
    key text not null,
    -- What was ordered, to refuse the key for anything else.
    fingerprint text not null,
    status integer not null,
    body text not null,
    trade_id text,
    answered_at text not null,
    primary key (user_id, side, key)
) strict, without rowid;

create index idempotency_keys_by_age on idempotency_keys (answered_at);
