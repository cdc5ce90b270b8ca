//! The connection of `coroner watch`. In: a URL and what is wanted. Out: a stream of cases, or what is wrong, in words that say
//! what to do.

use crate::feed::v1::cases_client::CasesClient;
use crate::feed::v1::{Case, WatchRequest};
use std::error::Error;
use std::io;
use std::time::Duration;
use tokio::time::timeout;
use tonic::metadata::MetadataMap;
use tonic::transport::{self, Endpoint};
use tonic::{Code, Status, Streaming};

/// Longest wait for a connection, and again for the first answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a silent service is asked whether it is still there, and how long it may take to say so.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Why there are no cases.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The request itself is wrong.
    Refused(String),
    /// It did not work now. Final for the first connection; after that the service may be starting again.
    Passing(String),
}

/// Begins to watch.
pub(super) async fn watch(url: &str, request: WatchRequest) -> Result<Streaming<Case>, Trouble> {
    let endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(|error| Trouble::Refused(format!("--url {url}: {}", innermost(&error))))?
        .connect_timeout(PATIENCE)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .keep_alive_while_idle(true);
    let channel = endpoint.connect().await.map_err(|error| Trouble::Passing(unreachable(url, &error)))?;
    match timeout(PATIENCE, CasesClient::new(channel).watch(request)).await {
        // A page of another kind looks like a stream that has not begun yet.
        Ok(Ok(answer)) if !is_grpc(answer.metadata()) => Err(stranger(url, "it has no case feed")),
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        Ok(Err(status)) => Err(judge(url, &status)),
        Err(_) => Err(stranger(url, "it takes connections and says nothing")),
    }
}

fn is_grpc(head: &MetadataMap) -> bool {
    head.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// What a connection error means to a person.
fn unreachable(url: &str, error: &transport::Error) -> String {
    let refused = chain(error)
        .any(|e| e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::ConnectionRefused));
    if refused {
        return format!(
            "nothing listens at {url}: start `coroner serve`, or give the address it prints as `admin` with --url"
        );
    }
    format!("cannot connect to {url}: {}", innermost(error))
}

/// What a refused call means.
fn judge(url: &str, status: &Status) -> Trouble {
    match status.code() {
        Code::InvalidArgument => Trouble::Refused(status.message().to_owned()),
        Code::ResourceExhausted => Trouble::Passing(status.message().to_owned()),
        Code::Unimplemented => stranger(url, "it has no case feed"),
        // A call that the transport could not even make: whoever is there does not speak HTTP/2.
        _ if status.source().is_some() => stranger(url, &format!("no gRPC is spoken there ({})", innermost(status))),
        _ => Trouble::Passing(why(status)),
    }
}

fn stranger(url: &str, says: &str) -> Trouble {
    Trouble::Passing(format!(
        "{url} is not coroner's admin port: {says}; give the address that `coroner serve` prints as `admin` with --url"
    ))
}

/// Why a stream broke, as shortly as it can be said.
pub(super) fn why(status: &Status) -> String {
    let cause = innermost(status);
    match status.code() {
        Code::Unavailable if status.source().is_none() => status.message().to_owned(),
        _ => format!("the feed broke off: {cause}"),
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The error that caused all the others.
fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map_or_else(String::new, ToString::to_string)
}
