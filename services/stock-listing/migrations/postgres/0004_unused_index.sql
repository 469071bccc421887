-- Lists by sector come from memory, so each new price of a stock would keep this index for nobody.
drop index stocks_by_sector;
