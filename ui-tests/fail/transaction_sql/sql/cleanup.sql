delete from carts;
commit;
