-- What the prices of an interval come to, in parts: one for each run of the service that took some of them. The version that
-- a part's first price led to tells it from the others.
create table candles (
    symbol text not null,
    minutes integer not null,
    start_at text not null,
    opened_version integer not null,
    closed_version integer not null,
    open text not null,
    high text not null,
    low text not null,
    close text not null,
    count integer not null,
    primary key (symbol, minutes, start_at, opened_version),
    constraint candles_minutes_kept check (minutes in (1, 60)),
    constraint candles_versions_in_order check (opened_version <= closed_version),
    constraint candles_open_positive check (open not in ('', '0') and open not glob '*[^0-9.]*'),
    constraint candles_high_positive check (high not in ('', '0') and high not glob '*[^0-9.]*'),
    constraint candles_low_positive check (low not in ('', '0') and low not glob '*[^0-9.]*'),
    constraint candles_close_positive check (close not in ('', '0') and close not glob '*[^0-9.]*'),
    constraint candles_count_positive check (count > 0)
) strict, without rowid;

-- For what is to be forgotten.
create index candles_by_start on candles (minutes, start_at);
