-- Numbers are kept as the text of their digits, times as RFC 3339 in UTC with microseconds.
create table stocks (
    symbol text primary key,
    name text not null,
    sector text,
    current_price text not null,
    previous_close text not null,
    change_pct text not null,
    volume integer not null,
    market_cap text,
    updated_at text not null,
    constraint stocks_current_price_positive check (current_price not in ('', '0') and current_price not glob '*[^0-9.]*'),
    constraint stocks_previous_close_positive check (previous_close not in ('', '0') and previous_close not glob '*[^0-9.]*'),
    constraint stocks_volume_not_negative check (volume >= 0),
    constraint stocks_market_cap_not_negative check (market_cap <> '' and market_cap not glob '*[^0-9.]*')
) strict;

create index stocks_by_sector on stocks (sector, symbol);
