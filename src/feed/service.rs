//! `coroner.v1.Cases` over gRPC. In: a request to watch. Out: a stream of cases, or why there is none.

use super::filter::Filter;
use super::v1::WatchRequest;
use super::v1::cases_server::{Cases, CasesServer};
use super::watchers::{Feed, Refusal, Watch};
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::{Request, Response, Status};

/// A request is some patterns and words.
const LARGEST_REQUEST: usize = 16 * 1024;

impl Feed {
    /// The gRPC service. Where a request carries a [`TaskTrackerToken`] in its extensions, the watch holds it until it ends, so
    /// that whoever runs the connection knows how long it is needed.
    pub fn service(&self) -> CasesServer<Self> {
        CasesServer::new(self.clone()).max_decoding_message_size(LARGEST_REQUEST)
    }
}

#[tonic::async_trait]
impl Cases for Feed {
    type WatchStream = Watch;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Watch>, Status> {
        let held = request.extensions().get::<TaskTrackerToken>().cloned();
        let filter = Filter::new(request.into_inner()).map_err(|error| Status::invalid_argument(error.to_string()))?;
        let watch = Self::watch(self, filter, held).map_err(|refusal| match refusal {
            Refusal::Full => Status::resource_exhausted(refusal.to_string()),
            Refusal::Closed => Status::unavailable(refusal.to_string()),
        })?;
        Ok(Response::new(watch))
    }
}
