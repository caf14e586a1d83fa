select count(*) from orders -- commit
