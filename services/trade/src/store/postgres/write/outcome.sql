select
    is_current,
    has_taken_key,
    (select count(*) from new_trades) as trades,
    (select count(*) from open_positions) as open,
    (select count(*) from new_profits) as profits,
    (select count(*) from kept_answers) as answers
from verdict
