-- Ten stocks for a first boot. Safe to run twice, before or after the service has made its table.
--
-- The embedded database is seeded from this same file: numbers are quoted, so that SQLite keeps their
-- digits, and the table is the one of stock-listing's first migration, so that either may come first.

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

insert into stocks (
    symbol,
    name,
    sector,
    current_price,
    previous_close,
    change_pct,
    volume,
    market_cap,
    updated_at
)
values
    ('AAPL', 'Apple Inc.', 'Technology', '189.5', '187.996', '0.8', '52000000', '2940000', '2026-01-02T21:00:00.000000Z'),
    ('AMZN', 'Amazon.com, Inc.', 'Consumer', '181.3', '179.3274', '1.1', '38000000', '1885000', '2026-01-02T21:00:00.000000Z'),
    ('GOOGL', 'Alphabet Inc.', 'Technology', '172.1', '172.4449', '-0.2', '24000000', '2140000', '2026-01-02T21:00:00.000000Z'),
    ('JNJ', 'Johnson & Johnson', 'Healthcare', '148.7', '149.1474', '-0.3', '7000000', '358000', '2026-01-02T21:00:00.000000Z'),
    ('JPM', 'JPMorgan Chase & Co.', 'Financial', '197.6', '197.4026', '0.1', '9000000', '567000', '2026-01-02T21:00:00.000000Z'),
    ('MSFT', 'Microsoft Corporation', 'Technology', '415.2', '413.5458', '0.4', '20000000', '3086000', '2026-01-02T21:00:00.000000Z'),
    ('NVDA', 'NVIDIA Corporation', 'Technology', '890.4', '870.3812', '2.3', '45000000', '2226000', '2026-01-02T21:00:00.000000Z'),
    ('TSLA', 'Tesla, Inc.', 'Automotive', '176.8', '179.3103', '-1.4', '90000000', '563000', '2026-01-02T21:00:00.000000Z'),
    ('V', 'Visa Inc.', 'Financial', '279.9', '279.3413', '0.2', '6500000', '574000', '2026-01-02T21:00:00.000000Z'),
    ('XOM', 'Exxon Mobil Corporation', 'Energy', '118.4', '117.6938', '0.6', '17000000', '469000', '2026-01-02T21:00:00.000000Z')
on conflict (symbol) do nothing;
