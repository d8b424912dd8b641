//! What people browse with.
use imp_api::admin::SignInCode;

use super::World;
use crate::browser::{self, Browser};

impl World {
    /// What applications and browsers call the server.
    pub fn issuer(&self) -> String {
        let (_, port) = self.server.url().rsplit_once(':').expect("a port");
        format!("https://localhost:{port}")
    }

    /// A browser that knows the server.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.issuer(), self.server.ca(), self.clock.clone())
    }

    /// What an application asks the server with.
    pub fn http(&self) -> reqwest::Client {
        browser::http(self.server.ca(), self.clock.clone())
    }

    /// A one-time code for the user.
    pub async fn sign_in_code(&self, username: &str) -> String {
        let user = self.find(username).await;
        let path = format!("v1/users/{user}/sign-in-code");
        let code: SignInCode = self.administrator.post(&path, &()).await.expect("a code");
        code.code.expose()
    }
}
