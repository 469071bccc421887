-- New prices of all stocks of a large catalogue in one statement.
\set price random(100, 200)
update stocks set current_price = quoted.price, change_pct = round((quoted.price - stocks.previous_close) / stocks.previous_close * 100, 4), updated_at = now(), version = stocks.version + 1 from unnest((select array_agg('S' || lpad(number::text, 4, '0')) from generate_series(0, :symbols::integer - 1) as numbers (number)), (select array_agg(:price::numeric + 0.25) from generate_series(1, :symbols::integer))) as quoted (symbol, price) where stocks.symbol = quoted.symbol;
