//! Settings and clients, once per process.

use flags::Rules;
use lambda::settings::{SettingError, required};
use store::Flags;
use workflows::change_flags::is_set_name;
use workflows::serve_flags::{Kept, Services};

pub(crate) async fn services() -> Result<Services, SettingError> {
    let table = required("FLAGS_TABLE", "the name of the table of flags")?;
    let set = lambda::settings::flag_set(is_set_name)?;

    let sdk = lambda::clients::aws().await?;
    Ok(Services {
        flags: Flags::new(aws_sdk_dynamodb::Client::new(&sdk), table),
        set,
        rules: Rules::default(),
        kept: Kept::default(),
    })
}
