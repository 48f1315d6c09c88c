// @generated
/// Generated client implementations.
pub mod flow_service_client {
    #![allow(
        unused_variables,
        dead_code,
        missing_docs,
        clippy::wildcard_imports,
        clippy::let_unit_value,
    )]
    use tonic::codegen::*;
    use tonic::codegen::http::Uri;
    /** What clients ask of a running app.

 Every answer carries the revision that it speaks of; nothing is told before it is durable. Calls carry
 `authorization: Bearer TOKEN`; errors carry `google.rpc.ErrorInfo` with a reason from `ErrorReason`.
*/
    #[derive(Debug, Clone)]
    pub struct FlowServiceClient<T> {
        inner: tonic::client::Grpc<T>,
    }
    impl<T> FlowServiceClient<T>
    where
        T: tonic::client::GrpcService<tonic::body::Body>,
        T::Error: Into<StdError>,
        T::ResponseBody: Body<Data = Bytes> + std::marker::Send + 'static,
        <T::ResponseBody as Body>::Error: Into<StdError> + std::marker::Send,
    {
        pub fn new(inner: T) -> Self {
            let inner = tonic::client::Grpc::new(inner);
            Self { inner }
        }
        pub fn with_origin(inner: T, origin: Uri) -> Self {
            let inner = tonic::client::Grpc::with_origin(inner, origin);
            Self { inner }
        }
        pub fn with_interceptor<F>(
            inner: T,
            interceptor: F,
        ) -> FlowServiceClient<InterceptedService<T, F>>
        where
            F: tonic::service::Interceptor,
            T::ResponseBody: Default,
            T: tonic::codegen::Service<
                http::Request<tonic::body::Body>,
                Response = http::Response<
                    <T as tonic::client::GrpcService<tonic::body::Body>>::ResponseBody,
                >,
            >,
            <T as tonic::codegen::Service<
                http::Request<tonic::body::Body>,
            >>::Error: Into<StdError> + std::marker::Send + std::marker::Sync,
        {
            FlowServiceClient::new(InterceptedService::new(inner, interceptor))
        }
        /// Compress requests with the given encoding.
        ///
        /// This requires the server to support it otherwise it might respond with an
        /// error.
        #[must_use]
        pub fn send_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.send_compressed(encoding);
            self
        }
        /// Enable decompressing responses.
        #[must_use]
        pub fn accept_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.accept_compressed(encoding);
            self
        }
        /// Limits the maximum size of a decoded message.
        ///
        /// Default: `4MB`
        #[must_use]
        pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_decoding_message_size(limit);
            self
        }
        /// Limits the maximum size of an encoded message.
        ///
        /// Default: `usize::MAX`
        #[must_use]
        pub fn max_encoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_encoding_message_size(limit);
            self
        }
        /** Tells what app this is and how it is. Role: read.
*/
        pub async fn get_app(
            &mut self,
            request: impl tonic::IntoRequest<super::GetAppRequest>,
        ) -> std::result::Result<tonic::Response<super::GetAppResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/flowrpc.v1.FlowService/GetApp",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("flowrpc.v1.FlowService", "GetApp"));
            self.inner.unary(req, path, codec).await
        }
        /** Reads the state of a component, and of everything below it. Role: read.
*/
        pub async fn get_state(
            &mut self,
            request: impl tonic::IntoRequest<super::GetStateRequest>,
        ) -> std::result::Result<
            tonic::Response<super::GetStateResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/flowrpc.v1.FlowService/GetState",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("flowrpc.v1.FlowService", "GetState"));
            self.inner.unary(req, path, codec).await
        }
        /** Follows the state: a snapshot or what was missed, then every revision, once and in order. Role: read.
*/
        pub async fn watch_state(
            &mut self,
            request: impl tonic::IntoRequest<super::WatchStateRequest>,
        ) -> std::result::Result<
            tonic::Response<tonic::codec::Streaming<super::WatchStateResponse>>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/flowrpc.v1.FlowService/WatchState",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("flowrpc.v1.FlowService", "WatchState"));
            self.inner.server_streaming(req, path, codec).await
        }
        /** Changes vars of one component from outside, whole or not at all. Role: call.
*/
        pub async fn update_state(
            &mut self,
            request: impl tonic::IntoRequest<super::UpdateStateRequest>,
        ) -> std::result::Result<
            tonic::Response<super::UpdateStateResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/flowrpc.v1.FlowService/UpdateState",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("flowrpc.v1.FlowService", "UpdateState"));
            self.inner.unary(req, path, codec).await
        }
        /** Lists the commands of the app. Role: read.
*/
        pub async fn list_commands(
            &mut self,
            request: impl tonic::IntoRequest<super::ListCommandsRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListCommandsResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/flowrpc.v1.FlowService/ListCommands",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("flowrpc.v1.FlowService", "ListCommands"));
            self.inner.unary(req, path, codec).await
        }
        /** Gives the source of a command's client part. Nobody may run it whose user did not ask for that. Role: call.
*/
        pub async fn get_command_source(
            &mut self,
            request: impl tonic::IntoRequest<super::GetCommandSourceRequest>,
        ) -> std::result::Result<
            tonic::Response<super::GetCommandSourceResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/flowrpc.v1.FlowService/GetCommandSource",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("flowrpc.v1.FlowService", "GetCommandSource"));
            self.inner.unary(req, path, codec).await
        }
        /** Calls a command and answers when what it did is durable. Role: call.
*/
        pub async fn call_command(
            &mut self,
            request: impl tonic::IntoRequest<super::CallCommandRequest>,
        ) -> std::result::Result<
            tonic::Response<super::CallCommandResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/flowrpc.v1.FlowService/CallCommand",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("flowrpc.v1.FlowService", "CallCommand"));
            self.inner.unary(req, path, codec).await
        }
        /** Calls a command that streams: sends each item when what was done up to it is durable. Role: call.

 A stream that breaks stays as it is: it cannot be resumed, and sent again it is another one.
*/
        pub async fn stream_command(
            &mut self,
            request: impl tonic::IntoRequest<super::StreamCommandRequest>,
        ) -> std::result::Result<
            tonic::Response<tonic::codec::Streaming<super::StreamCommandResponse>>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/flowrpc.v1.FlowService/StreamCommand",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("flowrpc.v1.FlowService", "StreamCommand"));
            self.inner.server_streaming(req, path, codec).await
        }
        /** Lists the works with their status. Role: read.
*/
        pub async fn list_works(
            &mut self,
            request: impl tonic::IntoRequest<super::ListWorksRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListWorksResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/flowrpc.v1.FlowService/ListWorks",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("flowrpc.v1.FlowService", "ListWorks"));
            self.inner.unary(req, path, codec).await
        }
        /** Lists the attached agents with what they have and what is taken of it. Role: read.
*/
        pub async fn list_agents(
            &mut self,
            request: impl tonic::IntoRequest<super::ListAgentsRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListAgentsResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/flowrpc.v1.FlowService/ListAgents",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("flowrpc.v1.FlowService", "ListAgents"));
            self.inner.unary(req, path, codec).await
        }
        /** Drains an agent: it gets no more runs, finishes what it has, and leaves. Answers when the agent has heard it, or is
 gone; not even a restart of the service takes that back. Role: admin.
*/
        pub async fn drain_agent(
            &mut self,
            request: impl tonic::IntoRequest<super::DrainAgentRequest>,
        ) -> std::result::Result<
            tonic::Response<super::DrainAgentResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/flowrpc.v1.FlowService/DrainAgent",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("flowrpc.v1.FlowService", "DrainAgent"));
            self.inner.unary(req, path, codec).await
        }
        /** Lists runs, newest first. Role: read.
*/
        pub async fn list_runs(
            &mut self,
            request: impl tonic::IntoRequest<super::ListRunsRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ListRunsResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/flowrpc.v1.FlowService/ListRuns",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("flowrpc.v1.FlowService", "ListRuns"));
            self.inner.unary(req, path, codec).await
        }
        /** Cancels a run that has not ended. Role: call.
*/
        pub async fn cancel_run(
            &mut self,
            request: impl tonic::IntoRequest<super::CancelRunRequest>,
        ) -> std::result::Result<
            tonic::Response<super::CancelRunResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/flowrpc.v1.FlowService/CancelRun",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("flowrpc.v1.FlowService", "CancelRun"));
            self.inner.unary(req, path, codec).await
        }
        /** Sends log records of flows and works, recent ones first. Role: read.
*/
        pub async fn stream_logs(
            &mut self,
            request: impl tonic::IntoRequest<super::StreamLogsRequest>,
        ) -> std::result::Result<
            tonic::Response<tonic::codec::Streaming<super::StreamLogsResponse>>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/flowrpc.v1.FlowService/StreamLogs",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("flowrpc.v1.FlowService", "StreamLogs"));
            self.inner.server_streaming(req, path, codec).await
        }
        /** Stops the app in order; it can be started again where it was. Role: admin.
*/
        pub async fn stop_app(
            &mut self,
            request: impl tonic::IntoRequest<super::StopAppRequest>,
        ) -> std::result::Result<
            tonic::Response<super::StopAppResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/flowrpc.v1.FlowService/StopApp",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("flowrpc.v1.FlowService", "StopApp"));
            self.inner.unary(req, path, codec).await
        }
    }
}
