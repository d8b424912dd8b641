//! A log over HTTP: what any outsider sees. Tiles are asked for a few at a time.
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use imp_translog::audit::{Audit, ComputedTile, Content, StoredEntry};
use imp_translog::{Checkpoint, TILE_WIDTH, TileId, TilePath, decode_bundle};
use reqwest::{StatusCode, Url};

use super::notes::{Compared, Notes};
use super::{Expectation, Sound, VerifyError, tile_path};
use crate::outside::Outside;

/// Requests under way at a time.
const AT_ONCE: usize = 8;
/// The longest checkpoint that is read, in bytes.
const CHECKPOINT: usize = 128 * 1024;
/// The longest bundle: 256 commitments after their lengths, in bytes.
const BUNDLE: usize = 256 * (2 + 32);
/// The longest tile, in bytes.
const TILE: usize = 256 * 32;

/// Checks everything that the log shows under `url`.
pub(crate) async fn verify_remote(
    url: &str,
    outside: &Outside,
    expectation: &Expectation,
) -> Result<Sound, VerifyError> {
    let log = Remote { base: base(url)?, outside };
    let latest = log.text("checkpoint").await?.ok_or_else(|| not_shown("checkpoint", 404))?;
    let (mut notes, checkpoint, mut audit) = Notes::begin(&latest, expectation)?;
    if let Some(cosigned) = log.text("checkpoint/cosigned").await? {
        let compared = notes.compare(&cosigned, &mut audit);
        compared.map_err(|error| match error {
            Compared::Open(source) => VerifyError::Checkpoint(source),
            Compared::Wrong(error) => error,
        })?;
    }
    let mut tiles = log.entries(&mut audit, &checkpoint).await?;
    let root = audit.root();
    for tile in audit.finish()? {
        log.compare(&tile).await?;
        tiles += 1;
    }
    let (checkpoints, cosigned) = notes.finish()?;
    let size = checkpoint.size;
    Ok(Sound { size, root, checkpoint: latest, erased: None, tiles, checkpoints, cosigned })
}

struct Remote<'a> {
    base: Url,
    outside: &'a Outside,
}

impl Remote<'_> {
    async fn entries(&self, audit: &mut Audit, latest: &Checkpoint) -> Result<u64, VerifyError> {
        let width = u64::from(TILE_WIDTH);
        let bundles = 0..latest.size.div_ceil(width);
        let mut bundles =
            stream::iter(bundles).map(|index| self.bundle(index, latest.size)).buffered(AT_ONCE);
        let mut tiles = 0;
        let mut next = 0;
        while let Some((bytes, count)) = bundles.try_next().await? {
            let entries = decode_bundle(&bytes).ok().filter(|all| all.len() == usize::from(count));
            let wrong = VerifyError::Bundle { first: next, expected: count };
            for commitment in entries.ok_or(wrong)? {
                let entry = StoredEntry { index: next, commitment, content: Content::Unseen };
                for tile in audit.entry(&entry)? {
                    self.compare(&tile).await?;
                    tiles += 1;
                }
                next += 1;
            }
        }
        Ok(tiles)
    }

    async fn bundle(&self, index: u64, size: u64) -> Result<(Vec<u8>, u16), VerifyError> {
        let width = TileId { level: 0, index }.width_at(size);
        let path = TilePath::Entries { index, width }.to_string();
        Ok((self.bytes(&path, BUNDLE).await?, width))
    }

    async fn compare(&self, tile: &ComputedTile) -> Result<(), VerifyError> {
        let width = u16::try_from(tile.hashes.len()).unwrap_or(TILE_WIDTH);
        let shown = self.bytes(&tile_path(tile.id, width), TILE).await?;
        Ok(tile.compare(Some(&shown))?)
    }

    async fn bytes(&self, path: &str, most: usize) -> Result<Vec<u8>, VerifyError> {
        let answer = self.outside.get(self.url(path)?, most).await?;
        if answer.status == StatusCode::OK {
            Ok(answer.body)
        } else {
            Err(not_shown(path, answer.status.as_u16()))
        }
    }

    async fn text(&self, path: &str) -> Result<Option<String>, VerifyError> {
        let answer = self.outside.get(self.url(path)?, CHECKPOINT).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => {
                let not_text = |_| VerifyError::NotText { path: path.to_owned() };
                String::from_utf8(answer.body).map(Some).map_err(not_text)
            }
            status => Err(not_shown(path, status.as_u16())),
        }
    }

    fn url(&self, path: &str) -> Result<Url, VerifyError> {
        self.base.join(path).map_err(|_| VerifyError::Address)
    }
}

/// The URL below which the log is shown, with a slash at its end.
fn base(url: &str) -> Result<Url, VerifyError> {
    let base = Url::parse(&format!("{}/", url.trim_end_matches('/')));
    let base = base.map_err(|_| VerifyError::Address)?;
    if matches!(base.scheme(), "https" | "http") { Ok(base) } else { Err(VerifyError::Address) }
}

fn not_shown(path: &str, status: u16) -> VerifyError {
    VerifyError::NotShown { path: path.to_owned(), status }
}
