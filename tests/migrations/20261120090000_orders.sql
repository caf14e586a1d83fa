create table orders (id integer primary key, sku varchar(20) not null);
