//! A base URL and an API come in, the address of its write end point goes out. A path prefix and a query of the URL are kept.

use http::Uri;
use url::Url;

use super::OpenError;
use crate::config::InfluxApi;

/// Where `api` of the InfluxDB at `base` takes writes; times are nanoseconds.
///
/// # Errors
/// When the URL cannot stand in a request.
pub fn uri(base: &Url, api: &InfluxApi) -> Result<Uri, OpenError> {
    let mut url = base.clone();
    let refuse = |reason: &str| OpenError::Url {
        url: shown(base),
        reason: reason.to_owned(),
    };
    if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
        return Err(refuse(
            "it must begin with http:// or https:// and name a host",
        ));
    }
    // Credentials go into a header.
    url.set_username("")
        .and_then(|()| url.set_password(None))
        .map_err(|()| refuse("it takes no user"))?;
    url.set_fragment(None);
    let (path, parameters) = write(api);
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url.query_pairs_mut().extend_pairs(parameters);
    url.as_str()
        .parse()
        .map_err(|error: http::uri::InvalidUri| refuse(&error.to_string()))
}

/// `url` without a password in it.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    if url.password().is_some() && url.set_password(Some("…")).is_err() {
        return "a URL".to_owned();
    }
    url.into()
}

fn write(api: &InfluxApi) -> (&'static str, Vec<(&'static str, &str)>) {
    match api {
        InfluxApi::V1 { db, rp } => {
            let mut parameters = vec![("db", db.as_str())];
            parameters.extend(rp.as_deref().map(|rp| ("rp", rp)));
            parameters.push(("precision", "ns"));
            ("/write", parameters)
        }
        InfluxApi::V2 { org, bucket } => (
            "/api/v2/write",
            vec![("org", org), ("bucket", bucket), ("precision", "ns")],
        ),
        InfluxApi::V3 { db } => (
            "/api/v3/write_lp",
            vec![
                ("db", db),
                ("precision", "nanosecond"),
                ("accept_partial", "true"),
            ],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(base: &str, api: &InfluxApi) -> String {
        uri(&base.parse().unwrap(), api).unwrap().to_string()
    }

    #[test]
    fn each_api_has_its_end_point() {
        let v1 = InfluxApi::V1 {
            db: "my db&x=1".to_owned(),
            rp: None,
        };
        assert_eq!(
            of("http://h:8086", &v1),
            "http://h:8086/write?db=my+db%26x%3D1&precision=ns"
        );
        let v1 = InfluxApi::V1 {
            db: "d".to_owned(),
            rp: Some("r/é".to_owned()),
        };
        assert_eq!(
            of("http://h:8086", &v1),
            "http://h:8086/write?db=d&rp=r%2F%C3%A9&precision=ns"
        );
        let v2 = InfluxApi::V2 {
            org: "o".to_owned(),
            bucket: "b".to_owned(),
        };
        assert_eq!(
            of("https://h", &v2),
            "https://h/api/v2/write?org=o&bucket=b&precision=ns"
        );
        let v3 = InfluxApi::V3 { db: "d".to_owned() };
        assert_eq!(
            of("http://[::1]:8181/", &v3),
            "http://[::1]:8181/api/v3/write_lp?db=d&precision=nanosecond&accept_partial=true"
        );
    }

    #[test]
    fn prefix_and_query_are_kept_and_the_password_is_not() {
        let v3 = InfluxApi::V3 { db: "d".to_owned() };
        assert_eq!(
            of("http://u:p@h/influx/a/?consistency=all#x", &v3),
            "http://h/influx/a/api/v3/write_lp?consistency=all&db=d&precision=nanosecond&accept_partial=true"
        );
    }

    #[test]
    fn what_is_no_web_address_is_refused_without_its_password() {
        let error = uri(
            &"ftp://u:secret@h/".parse().unwrap(),
            &InfluxApi::V3 { db: "d".to_owned() },
        )
        .unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
