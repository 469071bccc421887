-- Who sent the order, where callers show who they are: the name of a key or of a token's subject, never what they show.
alter table trades add column placed_by text;
