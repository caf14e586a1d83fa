use demarcate::service;

#[service]
async fn create_order(sku: &str) -> Result<usize, sqlx::Error> {
    Ok(sku.len())
}

fn main() {}
