//! What the catalogue answers when it is asked properly.

mod compression;
mod conditional;
mod history;
mod openapi;
mod pages;
mod prices;
mod probes;
mod reference;
mod seed;
mod stocks;
