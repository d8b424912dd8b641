//! Sectors: which applications share pairwise subjects (OpenID Connect Registration §5). Without the check, whoever registers an
//! application could name another's sector, and learn what the other calls people.
use imp_delivery::Voucher;
use imp_oauth::client::Metadata;

use super::Provider;
use super::outside::DocumentError;

/// An application is not in the sector that it names.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SectorError {
    /// What the sector publishes cannot be had.
    #[error("sector_identifier_uri cannot be read")]
    Document(#[from] DocumentError),
    /// It names other redirect URIs.
    #[error("the document at sector_identifier_uri does not name every redirect URI")]
    Other,
}

impl SectorError {
    /// With its cause, for whoever registers.
    pub(crate) fn told(&self) -> String {
        let causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
        std::iter::once(self.to_string())
            .chain(causes.map(ToString::to_string))
            .collect::<Vec<_>>()
            .join(": ")
    }
}

impl Provider {
    /// Fetches the document of the sector that the application names, if it names one, and looks whether it names the application.
    pub(crate) async fn check_sector(
        &self,
        metadata: &Metadata,
        voucher: Voucher,
    ) -> Result<(), SectorError> {
        let Some(uri) = &metadata.sector_uri else { return Ok(()) };
        let listed = self.outside.sector(uri, voucher).await?;
        if metadata.is_in_sector(&listed) { Ok(()) } else { Err(SectorError::Other) }
    }
}
