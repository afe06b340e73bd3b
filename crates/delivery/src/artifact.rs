//! Artifacts, read and written with the job's own credentials.

use std::io::{Cursor, Read, Write};

use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use secrecy::ExposeSecret;
use zip::write::SimpleFileOptions;
use zip::{DateTime, ZipArchive, ZipWriter};

use crate::DeliveryError;
use crate::error::sorted;
use crate::job::{ArtifactCredentials, EncryptionKey, S3Location};

/// The largest artifact that is read. A monspec is a few kilobytes; an action
/// that hands over the whole application should hand over the monspec alone.
pub const LARGEST_ARTIFACT: usize = 16 * 1024 * 1024;

/// How many files of an archive are looked at.
const MOST_FILES: usize = 10_000;

/// How artifacts are fetched.
#[derive(Clone, Debug)]
pub struct Artifacts {
    config: aws_sdk_s3::Config,
}

/// Why an artifact yields no file. Each says what its author can do.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] DeliveryError),
    /// It could not be read to its end.
    #[error("the artifact ended before it was complete")]
    Torn(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It is larger than what is read.
    #[error("the artifact is larger than {} MiB: hand the monspec over as an artifact of its own", LARGEST_ARTIFACT / 1024 / 1024)]
    TooLarge,
    /// The archive is damaged.
    #[error("the artifact begins like a zip archive but cannot be read as one")]
    Damaged(#[source] zip::result::ZipError),
    /// The archive does not hold the file, or holds it more than once.
    #[error("the artifact holds {found} files named `{name}`; it needs one, best at its top level")]
    NotOne {
        /// The file that was looked for.
        name: String,
        /// How many there are.
        found: usize,
    },
    /// The file within the archive is larger than what is read.
    #[error("`{name}` in the artifact is larger than {limit} bytes")]
    FileTooLarge {
        /// The file.
        name: String,
        /// The limit.
        limit: usize,
    },
    /// The file is no text.
    #[error("`{0}` in the artifact is not UTF-8 text")]
    NotText(String),
}

impl Artifacts {
    /// Fetches with this configuration; its credentials are replaced by each
    /// job's own.
    pub fn new(config: aws_sdk_s3::Config) -> Self {
        Self { config }
    }

    /// The text of the file `name` in an artifact: the artifact itself, or the
    /// file within it if it is a zip archive.
    pub async fn text(
        &self,
        location: &S3Location,
        credentials: &ArtifactCredentials,
        name: &str,
        limit: usize,
    ) -> Result<String, ArtifactError> {
        let bytes = self.fetch(location, credentials).await?;
        file_text(bytes, name, limit)
    }

    /// Writes an output artifact, encrypted with the pipeline's own key where
    /// it has one.
    pub async fn write(
        &self,
        location: &S3Location,
        credentials: &ArtifactCredentials,
        key: Option<&EncryptionKey>,
        content: Vec<u8>,
    ) -> Result<(), DeliveryError> {
        self.client(credentials)
            .put_object()
            .bucket(&location.bucket_name)
            .key(&location.object_key)
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .set_ssekms_key_id(key.map(|key| key.id.clone()))
            .body(ByteStream::from(content))
            .send()
            .await
            .map_err(|error| sorted("write the output artifact", error))?;
        Ok(())
    }

    /// A client with the job's rights: the function's own role opens no
    /// artifact.
    fn client(&self, credentials: &ArtifactCredentials) -> aws_sdk_s3::Client {
        let token = credentials.session_token.as_ref();
        let credentials = Credentials::new(
            credentials.access_key_id.expose_secret(),
            credentials.secret_access_key.expose_secret(),
            token.map(|token| token.expose_secret().to_owned()),
            None,
            "the job's artifact credentials",
        );
        let config = self
            .config
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    async fn fetch(
        &self,
        location: &S3Location,
        credentials: &ArtifactCredentials,
    ) -> Result<Vec<u8>, ArtifactError> {
        let object = self
            .client(credentials)
            .get_object()
            .bucket(&location.bucket_name)
            .key(&location.object_key)
            .send()
            .await
            .map_err(|error| sorted("read the input artifact", error))?;

        let too_large =
            |length: i64| usize::try_from(length).is_ok_and(|length| length > LARGEST_ARTIFACT);
        if object.content_length().is_some_and(too_large) {
            return Err(ArtifactError::TooLarge);
        }
        let mut body = object.body;
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| ArtifactError::Torn(Box::new(error)))?;
            if bytes.len() + chunk.len() > LARGEST_ARTIFACT {
                return Err(ArtifactError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// An archive of these files. The same files make the same bytes, whoever writes
/// them and when.
pub fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    const WHY: &str = "an archive in memory takes whatever its size allows";
    let options = SimpleFileOptions::default()
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, options).expect(WHY);
        archive.write_all(content.as_bytes()).expect(WHY);
    }
    archive.finish().expect(WHY).into_inner()
}

/// The text of `name` in the bytes of an artifact.
pub fn file_text(bytes: Vec<u8>, name: &str, limit: usize) -> Result<String, ArtifactError> {
    let content = if bytes.starts_with(b"PK\x03\x04") {
        unzipped(&bytes, name, limit)?
    } else if bytes.len() > limit {
        return Err(ArtifactError::FileTooLarge {
            name: name.to_owned(),
            limit,
        });
    } else {
        bytes
    };
    String::from_utf8(content).map_err(|_| ArtifactError::NotText(name.to_owned()))
}

/// The file at the top level, else the only file of that name anywhere.
fn unzipped(bytes: &[u8], name: &str, limit: usize) -> Result<Vec<u8>, ArtifactError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(ArtifactError::Damaged)?;
    let below = format!("/{name}");
    let nested: Vec<String> = archive
        .file_names()
        .take(MOST_FILES)
        .filter_map(Result::ok)
        .filter(|path| path.ends_with(&below))
        .map(Into::into)
        .collect();
    let path = match (archive.index_for_name(name), nested.as_slice()) {
        (Some(_), _) => name.to_owned(),
        (None, [only]) => only.clone(),
        (None, several) => {
            return Err(ArtifactError::NotOne {
                name: name.to_owned(),
                found: several.len(),
            });
        }
    };

    // The declared size is a claim; what counts is what comes out.
    let file = archive.by_name(&path).map_err(ArtifactError::Damaged)?;
    let mut content = Vec::new();
    let read = file
        .take(limit as u64 + 1)
        .read_to_end(&mut content)
        .map_err(|error| ArtifactError::Damaged(error.into()))?;
    if read > limit {
        return Err(ArtifactError::FileTooLarge { name: path, limit });
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            writer
                .start_file(*name, SimpleFileOptions::default())
                .unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn read(bytes: Vec<u8>) -> Result<String, ArtifactError> {
        file_text(bytes, "monspec.json", 1_000)
    }

    #[test]
    fn bare_file_and_zipped_file_are_both_read() {
        assert_eq!(read(b"{}".to_vec()).unwrap(), "{}");
        assert_eq!(
            read(archive(&[("app.js", b"x"), ("monspec.json", b"{}")])).unwrap(),
            "{}"
        );
    }

    #[test]
    fn file_at_the_top_wins_over_files_below() {
        let both = archive(&[("old/monspec.json", b"old"), ("monspec.json", b"top")]);
        let below = archive(&[
            ("deploy/monspec.json", b"below"),
            ("notmonspec.json", b"no"),
        ]);

        assert_eq!(read(both).unwrap(), "top");
        assert_eq!(read(below).unwrap(), "below");
    }

    #[test]
    fn archive_without_one_right_file_is_refused() {
        let none = archive(&[("notmonspec.json", b"{}")]);
        let two = archive(&[("a/monspec.json", b"{}"), ("b/monspec.json", b"{}")]);

        assert!(matches!(
            read(none),
            Err(ArtifactError::NotOne { found: 0, .. })
        ));
        assert!(matches!(
            read(two),
            Err(ArtifactError::NotOne { found: 2, .. })
        ));
    }

    #[test]
    fn archive_is_the_same_whenever_it_is_written() {
        let files = [("b.json", "{}"), ("a.html", "<p>")];

        let bytes = zipped(&files);

        assert_eq!(bytes, zipped(&files));
        let mut archive = ZipArchive::new(Cursor::new(&bytes)).unwrap();
        let file = archive.by_index(0).unwrap();
        let modified = file.last_modified().unwrap();
        assert_eq!(
            (modified.year(), modified.month(), modified.day()),
            (1980, 1, 1)
        );
        drop(file);
        for (name, content) in files {
            assert_eq!(file_text(bytes.clone(), name, 100).unwrap(), content);
        }
    }

    #[test]
    fn zip_bomb_is_refused_after_its_first_kilobyte() {
        let bomb = archive(&[("monspec.json", &vec![b' '; 4 * 1024 * 1024])]);

        assert!(bomb.len() < 100_000);
        assert!(matches!(
            read(bomb),
            Err(ArtifactError::FileTooLarge { limit: 1_000, .. })
        ));
    }

    #[test]
    fn damaged_archive_and_foreign_bytes_are_refused() {
        let mut torn = archive(&[("monspec.json", b"{}")]);
        torn.truncate(20);

        assert!(matches!(read(torn), Err(ArtifactError::Damaged(_))));
        assert!(matches!(
            read(vec![0xff, 0xfe]),
            Err(ArtifactError::NotText(_))
        ));
    }
}
