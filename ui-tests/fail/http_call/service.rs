use demarcate::service;
use demarcate::sqlite::Session;

#[service(deny(http_call))]
async fn create_order(tx: &mut Session, client: &http::Client) -> Result<(), sqlx::Error> {
    client.post("http://mail/").json("a").send().await;
    let request = client.get("http://mail/");
    sqlx::query("select 1").execute(&mut *tx).await?;
    request.send().await;
    Ok(())
}

/// As `reqwest` is, which is too much to build here.
mod http {
    pub struct Client;
    pub struct Request;

    impl Client {
        pub fn post(&self, _url: &str) -> Request {
            Request
        }

        pub fn get(&self, _url: &str) -> Request {
            Request
        }
    }

    impl Request {
        pub fn json(self, _body: &str) -> Self {
            self
        }

        pub async fn send(self) {}
    }
}

fn main() {}
