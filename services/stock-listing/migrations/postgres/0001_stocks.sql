-- The table of db/init.sql, which may have made it already.
create table if not exists stocks (
    symbol text collate "C" primary key,
    name text not null,
    sector text,
    current_price numeric(14, 4) not null,
    previous_close numeric(14, 4) not null,
    change_pct numeric(14, 4) not null,
    volume bigint not null,
    market_cap numeric(18, 6),
    updated_at timestamptz not null,
    constraint stocks_current_price_positive check (current_price > 0),
    constraint stocks_previous_close_positive check (previous_close > 0),
    constraint stocks_volume_not_negative check (volume >= 0),
    constraint stocks_market_cap_not_negative check (market_cap >= 0)
);

create index stocks_by_sector on stocks (sector, symbol);
