-- What the prices of an interval come to. Each replica has a row of its own for what it took, a part of the candle: the
-- version that the part's first price led to tells it from those of others, and nobody else writes it.
create table candles (
    symbol text collate "C" not null,
    minutes smallint not null,
    start_at timestamptz not null,
    opened_version bigint not null,
    closed_version bigint not null,
    open numeric(14, 4) not null,
    high numeric(14, 4) not null,
    low numeric(14, 4) not null,
    close numeric(14, 4) not null,
    count bigint not null,
    primary key (symbol, minutes, start_at, opened_version),
    constraint candles_minutes_kept check (minutes in (1, 60)),
    constraint candles_versions_in_order check (opened_version <= closed_version),
    constraint candles_low_positive check (low > 0),
    constraint candles_prices_in_range check (open between low and high and close between low and high),
    constraint candles_count_positive check (count > 0)
);

-- For what is to be forgotten.
create index candles_by_start on candles (minutes, start_at);
