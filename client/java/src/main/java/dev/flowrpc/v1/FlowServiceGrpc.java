package dev.flowrpc.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * What clients ask of a running app.
 * Every answer carries the revision that it speaks of; nothing is told before it is durable. Calls carry
 * `authorization: Bearer TOKEN`; errors carry `google.rpc.ErrorInfo` with a reason from `ErrorReason`.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class FlowServiceGrpc {

  private FlowServiceGrpc() {}

  public static final java.lang.String SERVICE_NAME = "flowrpc.v1.FlowService";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.flowrpc.v1.GetAppRequest,
      dev.flowrpc.v1.GetAppResponse> getGetAppMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetApp",
      requestType = dev.flowrpc.v1.GetAppRequest.class,
      responseType = dev.flowrpc.v1.GetAppResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.flowrpc.v1.GetAppRequest,
      dev.flowrpc.v1.GetAppResponse> getGetAppMethod() {
    io.grpc.MethodDescriptor<dev.flowrpc.v1.GetAppRequest, dev.flowrpc.v1.GetAppResponse> getGetAppMethod;
    if ((getGetAppMethod = FlowServiceGrpc.getGetAppMethod) == null) {
      synchronized (FlowServiceGrpc.class) {
        if ((getGetAppMethod = FlowServiceGrpc.getGetAppMethod) == null) {
          FlowServiceGrpc.getGetAppMethod = getGetAppMethod =
              io.grpc.MethodDescriptor.<dev.flowrpc.v1.GetAppRequest, dev.flowrpc.v1.GetAppResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetApp"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.GetAppRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.GetAppResponse.getDefaultInstance()))
              .setSchemaDescriptor(new FlowServiceMethodDescriptorSupplier("GetApp"))
              .build();
        }
      }
    }
    return getGetAppMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.flowrpc.v1.GetStateRequest,
      dev.flowrpc.v1.GetStateResponse> getGetStateMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetState",
      requestType = dev.flowrpc.v1.GetStateRequest.class,
      responseType = dev.flowrpc.v1.GetStateResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.flowrpc.v1.GetStateRequest,
      dev.flowrpc.v1.GetStateResponse> getGetStateMethod() {
    io.grpc.MethodDescriptor<dev.flowrpc.v1.GetStateRequest, dev.flowrpc.v1.GetStateResponse> getGetStateMethod;
    if ((getGetStateMethod = FlowServiceGrpc.getGetStateMethod) == null) {
      synchronized (FlowServiceGrpc.class) {
        if ((getGetStateMethod = FlowServiceGrpc.getGetStateMethod) == null) {
          FlowServiceGrpc.getGetStateMethod = getGetStateMethod =
              io.grpc.MethodDescriptor.<dev.flowrpc.v1.GetStateRequest, dev.flowrpc.v1.GetStateResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetState"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.GetStateRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.GetStateResponse.getDefaultInstance()))
              .setSchemaDescriptor(new FlowServiceMethodDescriptorSupplier("GetState"))
              .build();
        }
      }
    }
    return getGetStateMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.flowrpc.v1.WatchStateRequest,
      dev.flowrpc.v1.WatchStateResponse> getWatchStateMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "WatchState",
      requestType = dev.flowrpc.v1.WatchStateRequest.class,
      responseType = dev.flowrpc.v1.WatchStateResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<dev.flowrpc.v1.WatchStateRequest,
      dev.flowrpc.v1.WatchStateResponse> getWatchStateMethod() {
    io.grpc.MethodDescriptor<dev.flowrpc.v1.WatchStateRequest, dev.flowrpc.v1.WatchStateResponse> getWatchStateMethod;
    if ((getWatchStateMethod = FlowServiceGrpc.getWatchStateMethod) == null) {
      synchronized (FlowServiceGrpc.class) {
        if ((getWatchStateMethod = FlowServiceGrpc.getWatchStateMethod) == null) {
          FlowServiceGrpc.getWatchStateMethod = getWatchStateMethod =
              io.grpc.MethodDescriptor.<dev.flowrpc.v1.WatchStateRequest, dev.flowrpc.v1.WatchStateResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "WatchState"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.WatchStateRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.WatchStateResponse.getDefaultInstance()))
              .setSchemaDescriptor(new FlowServiceMethodDescriptorSupplier("WatchState"))
              .build();
        }
      }
    }
    return getWatchStateMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.flowrpc.v1.UpdateStateRequest,
      dev.flowrpc.v1.UpdateStateResponse> getUpdateStateMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "UpdateState",
      requestType = dev.flowrpc.v1.UpdateStateRequest.class,
      responseType = dev.flowrpc.v1.UpdateStateResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.flowrpc.v1.UpdateStateRequest,
      dev.flowrpc.v1.UpdateStateResponse> getUpdateStateMethod() {
    io.grpc.MethodDescriptor<dev.flowrpc.v1.UpdateStateRequest, dev.flowrpc.v1.UpdateStateResponse> getUpdateStateMethod;
    if ((getUpdateStateMethod = FlowServiceGrpc.getUpdateStateMethod) == null) {
      synchronized (FlowServiceGrpc.class) {
        if ((getUpdateStateMethod = FlowServiceGrpc.getUpdateStateMethod) == null) {
          FlowServiceGrpc.getUpdateStateMethod = getUpdateStateMethod =
              io.grpc.MethodDescriptor.<dev.flowrpc.v1.UpdateStateRequest, dev.flowrpc.v1.UpdateStateResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "UpdateState"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.UpdateStateRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.UpdateStateResponse.getDefaultInstance()))
              .setSchemaDescriptor(new FlowServiceMethodDescriptorSupplier("UpdateState"))
              .build();
        }
      }
    }
    return getUpdateStateMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.flowrpc.v1.ListCommandsRequest,
      dev.flowrpc.v1.ListCommandsResponse> getListCommandsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListCommands",
      requestType = dev.flowrpc.v1.ListCommandsRequest.class,
      responseType = dev.flowrpc.v1.ListCommandsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.flowrpc.v1.ListCommandsRequest,
      dev.flowrpc.v1.ListCommandsResponse> getListCommandsMethod() {
    io.grpc.MethodDescriptor<dev.flowrpc.v1.ListCommandsRequest, dev.flowrpc.v1.ListCommandsResponse> getListCommandsMethod;
    if ((getListCommandsMethod = FlowServiceGrpc.getListCommandsMethod) == null) {
      synchronized (FlowServiceGrpc.class) {
        if ((getListCommandsMethod = FlowServiceGrpc.getListCommandsMethod) == null) {
          FlowServiceGrpc.getListCommandsMethod = getListCommandsMethod =
              io.grpc.MethodDescriptor.<dev.flowrpc.v1.ListCommandsRequest, dev.flowrpc.v1.ListCommandsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListCommands"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.ListCommandsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.ListCommandsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new FlowServiceMethodDescriptorSupplier("ListCommands"))
              .build();
        }
      }
    }
    return getListCommandsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.flowrpc.v1.GetCommandSourceRequest,
      dev.flowrpc.v1.GetCommandSourceResponse> getGetCommandSourceMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "GetCommandSource",
      requestType = dev.flowrpc.v1.GetCommandSourceRequest.class,
      responseType = dev.flowrpc.v1.GetCommandSourceResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.flowrpc.v1.GetCommandSourceRequest,
      dev.flowrpc.v1.GetCommandSourceResponse> getGetCommandSourceMethod() {
    io.grpc.MethodDescriptor<dev.flowrpc.v1.GetCommandSourceRequest, dev.flowrpc.v1.GetCommandSourceResponse> getGetCommandSourceMethod;
    if ((getGetCommandSourceMethod = FlowServiceGrpc.getGetCommandSourceMethod) == null) {
      synchronized (FlowServiceGrpc.class) {
        if ((getGetCommandSourceMethod = FlowServiceGrpc.getGetCommandSourceMethod) == null) {
          FlowServiceGrpc.getGetCommandSourceMethod = getGetCommandSourceMethod =
              io.grpc.MethodDescriptor.<dev.flowrpc.v1.GetCommandSourceRequest, dev.flowrpc.v1.GetCommandSourceResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "GetCommandSource"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.GetCommandSourceRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.GetCommandSourceResponse.getDefaultInstance()))
              .setSchemaDescriptor(new FlowServiceMethodDescriptorSupplier("GetCommandSource"))
              .build();
        }
      }
    }
    return getGetCommandSourceMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.flowrpc.v1.CallCommandRequest,
      dev.flowrpc.v1.CallCommandResponse> getCallCommandMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CallCommand",
      requestType = dev.flowrpc.v1.CallCommandRequest.class,
      responseType = dev.flowrpc.v1.CallCommandResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.flowrpc.v1.CallCommandRequest,
      dev.flowrpc.v1.CallCommandResponse> getCallCommandMethod() {
    io.grpc.MethodDescriptor<dev.flowrpc.v1.CallCommandRequest, dev.flowrpc.v1.CallCommandResponse> getCallCommandMethod;
    if ((getCallCommandMethod = FlowServiceGrpc.getCallCommandMethod) == null) {
      synchronized (FlowServiceGrpc.class) {
        if ((getCallCommandMethod = FlowServiceGrpc.getCallCommandMethod) == null) {
          FlowServiceGrpc.getCallCommandMethod = getCallCommandMethod =
              io.grpc.MethodDescriptor.<dev.flowrpc.v1.CallCommandRequest, dev.flowrpc.v1.CallCommandResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CallCommand"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.CallCommandRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.CallCommandResponse.getDefaultInstance()))
              .setSchemaDescriptor(new FlowServiceMethodDescriptorSupplier("CallCommand"))
              .build();
        }
      }
    }
    return getCallCommandMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.flowrpc.v1.StreamCommandRequest,
      dev.flowrpc.v1.StreamCommandResponse> getStreamCommandMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "StreamCommand",
      requestType = dev.flowrpc.v1.StreamCommandRequest.class,
      responseType = dev.flowrpc.v1.StreamCommandResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<dev.flowrpc.v1.StreamCommandRequest,
      dev.flowrpc.v1.StreamCommandResponse> getStreamCommandMethod() {
    io.grpc.MethodDescriptor<dev.flowrpc.v1.StreamCommandRequest, dev.flowrpc.v1.StreamCommandResponse> getStreamCommandMethod;
    if ((getStreamCommandMethod = FlowServiceGrpc.getStreamCommandMethod) == null) {
      synchronized (FlowServiceGrpc.class) {
        if ((getStreamCommandMethod = FlowServiceGrpc.getStreamCommandMethod) == null) {
          FlowServiceGrpc.getStreamCommandMethod = getStreamCommandMethod =
              io.grpc.MethodDescriptor.<dev.flowrpc.v1.StreamCommandRequest, dev.flowrpc.v1.StreamCommandResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "StreamCommand"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.StreamCommandRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.StreamCommandResponse.getDefaultInstance()))
              .setSchemaDescriptor(new FlowServiceMethodDescriptorSupplier("StreamCommand"))
              .build();
        }
      }
    }
    return getStreamCommandMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.flowrpc.v1.ListWorksRequest,
      dev.flowrpc.v1.ListWorksResponse> getListWorksMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListWorks",
      requestType = dev.flowrpc.v1.ListWorksRequest.class,
      responseType = dev.flowrpc.v1.ListWorksResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.flowrpc.v1.ListWorksRequest,
      dev.flowrpc.v1.ListWorksResponse> getListWorksMethod() {
    io.grpc.MethodDescriptor<dev.flowrpc.v1.ListWorksRequest, dev.flowrpc.v1.ListWorksResponse> getListWorksMethod;
    if ((getListWorksMethod = FlowServiceGrpc.getListWorksMethod) == null) {
      synchronized (FlowServiceGrpc.class) {
        if ((getListWorksMethod = FlowServiceGrpc.getListWorksMethod) == null) {
          FlowServiceGrpc.getListWorksMethod = getListWorksMethod =
              io.grpc.MethodDescriptor.<dev.flowrpc.v1.ListWorksRequest, dev.flowrpc.v1.ListWorksResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListWorks"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.ListWorksRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.ListWorksResponse.getDefaultInstance()))
              .setSchemaDescriptor(new FlowServiceMethodDescriptorSupplier("ListWorks"))
              .build();
        }
      }
    }
    return getListWorksMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.flowrpc.v1.ListAgentsRequest,
      dev.flowrpc.v1.ListAgentsResponse> getListAgentsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListAgents",
      requestType = dev.flowrpc.v1.ListAgentsRequest.class,
      responseType = dev.flowrpc.v1.ListAgentsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.flowrpc.v1.ListAgentsRequest,
      dev.flowrpc.v1.ListAgentsResponse> getListAgentsMethod() {
    io.grpc.MethodDescriptor<dev.flowrpc.v1.ListAgentsRequest, dev.flowrpc.v1.ListAgentsResponse> getListAgentsMethod;
    if ((getListAgentsMethod = FlowServiceGrpc.getListAgentsMethod) == null) {
      synchronized (FlowServiceGrpc.class) {
        if ((getListAgentsMethod = FlowServiceGrpc.getListAgentsMethod) == null) {
          FlowServiceGrpc.getListAgentsMethod = getListAgentsMethod =
              io.grpc.MethodDescriptor.<dev.flowrpc.v1.ListAgentsRequest, dev.flowrpc.v1.ListAgentsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListAgents"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.ListAgentsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.ListAgentsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new FlowServiceMethodDescriptorSupplier("ListAgents"))
              .build();
        }
      }
    }
    return getListAgentsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.flowrpc.v1.DrainAgentRequest,
      dev.flowrpc.v1.DrainAgentResponse> getDrainAgentMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "DrainAgent",
      requestType = dev.flowrpc.v1.DrainAgentRequest.class,
      responseType = dev.flowrpc.v1.DrainAgentResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.flowrpc.v1.DrainAgentRequest,
      dev.flowrpc.v1.DrainAgentResponse> getDrainAgentMethod() {
    io.grpc.MethodDescriptor<dev.flowrpc.v1.DrainAgentRequest, dev.flowrpc.v1.DrainAgentResponse> getDrainAgentMethod;
    if ((getDrainAgentMethod = FlowServiceGrpc.getDrainAgentMethod) == null) {
      synchronized (FlowServiceGrpc.class) {
        if ((getDrainAgentMethod = FlowServiceGrpc.getDrainAgentMethod) == null) {
          FlowServiceGrpc.getDrainAgentMethod = getDrainAgentMethod =
              io.grpc.MethodDescriptor.<dev.flowrpc.v1.DrainAgentRequest, dev.flowrpc.v1.DrainAgentResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "DrainAgent"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.DrainAgentRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.DrainAgentResponse.getDefaultInstance()))
              .setSchemaDescriptor(new FlowServiceMethodDescriptorSupplier("DrainAgent"))
              .build();
        }
      }
    }
    return getDrainAgentMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.flowrpc.v1.ListRunsRequest,
      dev.flowrpc.v1.ListRunsResponse> getListRunsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "ListRuns",
      requestType = dev.flowrpc.v1.ListRunsRequest.class,
      responseType = dev.flowrpc.v1.ListRunsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.flowrpc.v1.ListRunsRequest,
      dev.flowrpc.v1.ListRunsResponse> getListRunsMethod() {
    io.grpc.MethodDescriptor<dev.flowrpc.v1.ListRunsRequest, dev.flowrpc.v1.ListRunsResponse> getListRunsMethod;
    if ((getListRunsMethod = FlowServiceGrpc.getListRunsMethod) == null) {
      synchronized (FlowServiceGrpc.class) {
        if ((getListRunsMethod = FlowServiceGrpc.getListRunsMethod) == null) {
          FlowServiceGrpc.getListRunsMethod = getListRunsMethod =
              io.grpc.MethodDescriptor.<dev.flowrpc.v1.ListRunsRequest, dev.flowrpc.v1.ListRunsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "ListRuns"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.ListRunsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.ListRunsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new FlowServiceMethodDescriptorSupplier("ListRuns"))
              .build();
        }
      }
    }
    return getListRunsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.flowrpc.v1.CancelRunRequest,
      dev.flowrpc.v1.CancelRunResponse> getCancelRunMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "CancelRun",
      requestType = dev.flowrpc.v1.CancelRunRequest.class,
      responseType = dev.flowrpc.v1.CancelRunResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.flowrpc.v1.CancelRunRequest,
      dev.flowrpc.v1.CancelRunResponse> getCancelRunMethod() {
    io.grpc.MethodDescriptor<dev.flowrpc.v1.CancelRunRequest, dev.flowrpc.v1.CancelRunResponse> getCancelRunMethod;
    if ((getCancelRunMethod = FlowServiceGrpc.getCancelRunMethod) == null) {
      synchronized (FlowServiceGrpc.class) {
        if ((getCancelRunMethod = FlowServiceGrpc.getCancelRunMethod) == null) {
          FlowServiceGrpc.getCancelRunMethod = getCancelRunMethod =
              io.grpc.MethodDescriptor.<dev.flowrpc.v1.CancelRunRequest, dev.flowrpc.v1.CancelRunResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "CancelRun"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.CancelRunRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.CancelRunResponse.getDefaultInstance()))
              .setSchemaDescriptor(new FlowServiceMethodDescriptorSupplier("CancelRun"))
              .build();
        }
      }
    }
    return getCancelRunMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.flowrpc.v1.StreamLogsRequest,
      dev.flowrpc.v1.StreamLogsResponse> getStreamLogsMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "StreamLogs",
      requestType = dev.flowrpc.v1.StreamLogsRequest.class,
      responseType = dev.flowrpc.v1.StreamLogsResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<dev.flowrpc.v1.StreamLogsRequest,
      dev.flowrpc.v1.StreamLogsResponse> getStreamLogsMethod() {
    io.grpc.MethodDescriptor<dev.flowrpc.v1.StreamLogsRequest, dev.flowrpc.v1.StreamLogsResponse> getStreamLogsMethod;
    if ((getStreamLogsMethod = FlowServiceGrpc.getStreamLogsMethod) == null) {
      synchronized (FlowServiceGrpc.class) {
        if ((getStreamLogsMethod = FlowServiceGrpc.getStreamLogsMethod) == null) {
          FlowServiceGrpc.getStreamLogsMethod = getStreamLogsMethod =
              io.grpc.MethodDescriptor.<dev.flowrpc.v1.StreamLogsRequest, dev.flowrpc.v1.StreamLogsResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "StreamLogs"))
              .setSafe(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.StreamLogsRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.StreamLogsResponse.getDefaultInstance()))
              .setSchemaDescriptor(new FlowServiceMethodDescriptorSupplier("StreamLogs"))
              .build();
        }
      }
    }
    return getStreamLogsMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.flowrpc.v1.StopAppRequest,
      dev.flowrpc.v1.StopAppResponse> getStopAppMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "StopApp",
      requestType = dev.flowrpc.v1.StopAppRequest.class,
      responseType = dev.flowrpc.v1.StopAppResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.flowrpc.v1.StopAppRequest,
      dev.flowrpc.v1.StopAppResponse> getStopAppMethod() {
    io.grpc.MethodDescriptor<dev.flowrpc.v1.StopAppRequest, dev.flowrpc.v1.StopAppResponse> getStopAppMethod;
    if ((getStopAppMethod = FlowServiceGrpc.getStopAppMethod) == null) {
      synchronized (FlowServiceGrpc.class) {
        if ((getStopAppMethod = FlowServiceGrpc.getStopAppMethod) == null) {
          FlowServiceGrpc.getStopAppMethod = getStopAppMethod =
              io.grpc.MethodDescriptor.<dev.flowrpc.v1.StopAppRequest, dev.flowrpc.v1.StopAppResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "StopApp"))
              .setIdempotent(true)
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.StopAppRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.flowrpc.v1.StopAppResponse.getDefaultInstance()))
              .setSchemaDescriptor(new FlowServiceMethodDescriptorSupplier("StopApp"))
              .build();
        }
      }
    }
    return getStopAppMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static FlowServiceStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<FlowServiceStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<FlowServiceStub>() {
        @java.lang.Override
        public FlowServiceStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new FlowServiceStub(channel, callOptions);
        }
      };
    return FlowServiceStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static FlowServiceBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<FlowServiceBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<FlowServiceBlockingV2Stub>() {
        @java.lang.Override
        public FlowServiceBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new FlowServiceBlockingV2Stub(channel, callOptions);
        }
      };
    return FlowServiceBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static FlowServiceBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<FlowServiceBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<FlowServiceBlockingStub>() {
        @java.lang.Override
        public FlowServiceBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new FlowServiceBlockingStub(channel, callOptions);
        }
      };
    return FlowServiceBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static FlowServiceFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<FlowServiceFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<FlowServiceFutureStub>() {
        @java.lang.Override
        public FlowServiceFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new FlowServiceFutureStub(channel, callOptions);
        }
      };
    return FlowServiceFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * What clients ask of a running app.
   * Every answer carries the revision that it speaks of; nothing is told before it is durable. Calls carry
   * `authorization: Bearer TOKEN`; errors carry `google.rpc.ErrorInfo` with a reason from `ErrorReason`.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Tells what app this is and how it is. Role: read.
     * </pre>
     */
    default void getApp(dev.flowrpc.v1.GetAppRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.GetAppResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetAppMethod(), responseObserver);
    }

    /**
     * <pre>
     * Reads the state of a component, and of everything below it. Role: read.
     * </pre>
     */
    default void getState(dev.flowrpc.v1.GetStateRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.GetStateResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetStateMethod(), responseObserver);
    }

    /**
     * <pre>
     * Follows the state: a snapshot or what was missed, then every revision, once and in order. Role: read.
     * </pre>
     */
    default void watchState(dev.flowrpc.v1.WatchStateRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.WatchStateResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getWatchStateMethod(), responseObserver);
    }

    /**
     * <pre>
     * Changes vars of one component from outside, whole or not at all. Role: call.
     * </pre>
     */
    default void updateState(dev.flowrpc.v1.UpdateStateRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.UpdateStateResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getUpdateStateMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists the commands of the app. Role: read.
     * </pre>
     */
    default void listCommands(dev.flowrpc.v1.ListCommandsRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.ListCommandsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListCommandsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Gives the source of a command's client part. Nobody may run it whose user did not ask for that. Role: call.
     * </pre>
     */
    default void getCommandSource(dev.flowrpc.v1.GetCommandSourceRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.GetCommandSourceResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getGetCommandSourceMethod(), responseObserver);
    }

    /**
     * <pre>
     * Calls a command and answers when what it did is durable. Role: call.
     * </pre>
     */
    default void callCommand(dev.flowrpc.v1.CallCommandRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.CallCommandResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCallCommandMethod(), responseObserver);
    }

    /**
     * <pre>
     * Calls a command that streams: sends each item when what was done up to it is durable. Role: call.
     * A stream that breaks stays as it is: it cannot be resumed, and sent again it is another one.
     * </pre>
     */
    default void streamCommand(dev.flowrpc.v1.StreamCommandRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.StreamCommandResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getStreamCommandMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists the works with their status. Role: read.
     * </pre>
     */
    default void listWorks(dev.flowrpc.v1.ListWorksRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.ListWorksResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListWorksMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists the attached agents with what they have and what is taken of it. Role: read.
     * </pre>
     */
    default void listAgents(dev.flowrpc.v1.ListAgentsRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.ListAgentsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListAgentsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Drains an agent: it gets no more runs, finishes what it has, and leaves. Answers when the agent has heard it, or is
     * gone; not even a restart of the service takes that back. Role: admin.
     * </pre>
     */
    default void drainAgent(dev.flowrpc.v1.DrainAgentRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.DrainAgentResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getDrainAgentMethod(), responseObserver);
    }

    /**
     * <pre>
     * Lists runs, newest first. Role: read.
     * </pre>
     */
    default void listRuns(dev.flowrpc.v1.ListRunsRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.ListRunsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getListRunsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Cancels a run that has not ended. Role: call.
     * </pre>
     */
    default void cancelRun(dev.flowrpc.v1.CancelRunRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.CancelRunResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCancelRunMethod(), responseObserver);
    }

    /**
     * <pre>
     * Sends log records of flows and works, recent ones first. Role: read.
     * </pre>
     */
    default void streamLogs(dev.flowrpc.v1.StreamLogsRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.StreamLogsResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getStreamLogsMethod(), responseObserver);
    }

    /**
     * <pre>
     * Stops the app in order; it can be started again where it was. Role: admin.
     * </pre>
     */
    default void stopApp(dev.flowrpc.v1.StopAppRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.StopAppResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getStopAppMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service FlowService.
   * <pre>
   * What clients ask of a running app.
   * Every answer carries the revision that it speaks of; nothing is told before it is durable. Calls carry
   * `authorization: Bearer TOKEN`; errors carry `google.rpc.ErrorInfo` with a reason from `ErrorReason`.
   * </pre>
   */
  public static abstract class FlowServiceImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return FlowServiceGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service FlowService.
   * <pre>
   * What clients ask of a running app.
   * Every answer carries the revision that it speaks of; nothing is told before it is durable. Calls carry
   * `authorization: Bearer TOKEN`; errors carry `google.rpc.ErrorInfo` with a reason from `ErrorReason`.
   * </pre>
   */
  public static final class FlowServiceStub
      extends io.grpc.stub.AbstractAsyncStub<FlowServiceStub> {
    private FlowServiceStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected FlowServiceStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new FlowServiceStub(channel, callOptions);
    }

    /**
     * <pre>
     * Tells what app this is and how it is. Role: read.
     * </pre>
     */
    public void getApp(dev.flowrpc.v1.GetAppRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.GetAppResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetAppMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Reads the state of a component, and of everything below it. Role: read.
     * </pre>
     */
    public void getState(dev.flowrpc.v1.GetStateRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.GetStateResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetStateMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Follows the state: a snapshot or what was missed, then every revision, once and in order. Role: read.
     * </pre>
     */
    public void watchState(dev.flowrpc.v1.WatchStateRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.WatchStateResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getWatchStateMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Changes vars of one component from outside, whole or not at all. Role: call.
     * </pre>
     */
    public void updateState(dev.flowrpc.v1.UpdateStateRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.UpdateStateResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getUpdateStateMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists the commands of the app. Role: read.
     * </pre>
     */
    public void listCommands(dev.flowrpc.v1.ListCommandsRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.ListCommandsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListCommandsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Gives the source of a command's client part. Nobody may run it whose user did not ask for that. Role: call.
     * </pre>
     */
    public void getCommandSource(dev.flowrpc.v1.GetCommandSourceRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.GetCommandSourceResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getGetCommandSourceMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Calls a command and answers when what it did is durable. Role: call.
     * </pre>
     */
    public void callCommand(dev.flowrpc.v1.CallCommandRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.CallCommandResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCallCommandMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Calls a command that streams: sends each item when what was done up to it is durable. Role: call.
     * A stream that breaks stays as it is: it cannot be resumed, and sent again it is another one.
     * </pre>
     */
    public void streamCommand(dev.flowrpc.v1.StreamCommandRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.StreamCommandResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getStreamCommandMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists the works with their status. Role: read.
     * </pre>
     */
    public void listWorks(dev.flowrpc.v1.ListWorksRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.ListWorksResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListWorksMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists the attached agents with what they have and what is taken of it. Role: read.
     * </pre>
     */
    public void listAgents(dev.flowrpc.v1.ListAgentsRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.ListAgentsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListAgentsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Drains an agent: it gets no more runs, finishes what it has, and leaves. Answers when the agent has heard it, or is
     * gone; not even a restart of the service takes that back. Role: admin.
     * </pre>
     */
    public void drainAgent(dev.flowrpc.v1.DrainAgentRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.DrainAgentResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getDrainAgentMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Lists runs, newest first. Role: read.
     * </pre>
     */
    public void listRuns(dev.flowrpc.v1.ListRunsRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.ListRunsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getListRunsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Cancels a run that has not ended. Role: call.
     * </pre>
     */
    public void cancelRun(dev.flowrpc.v1.CancelRunRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.CancelRunResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCancelRunMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Sends log records of flows and works, recent ones first. Role: read.
     * </pre>
     */
    public void streamLogs(dev.flowrpc.v1.StreamLogsRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.StreamLogsResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getStreamLogsMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Stops the app in order; it can be started again where it was. Role: admin.
     * </pre>
     */
    public void stopApp(dev.flowrpc.v1.StopAppRequest request,
        io.grpc.stub.StreamObserver<dev.flowrpc.v1.StopAppResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getStopAppMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service FlowService.
   * <pre>
   * What clients ask of a running app.
   * Every answer carries the revision that it speaks of; nothing is told before it is durable. Calls carry
   * `authorization: Bearer TOKEN`; errors carry `google.rpc.ErrorInfo` with a reason from `ErrorReason`.
   * </pre>
   */
  public static final class FlowServiceBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<FlowServiceBlockingV2Stub> {
    private FlowServiceBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected FlowServiceBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new FlowServiceBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Tells what app this is and how it is. Role: read.
     * </pre>
     */
    public dev.flowrpc.v1.GetAppResponse getApp(dev.flowrpc.v1.GetAppRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetAppMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Reads the state of a component, and of everything below it. Role: read.
     * </pre>
     */
    public dev.flowrpc.v1.GetStateResponse getState(dev.flowrpc.v1.GetStateRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetStateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Follows the state: a snapshot or what was missed, then every revision, once and in order. Role: read.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, dev.flowrpc.v1.WatchStateResponse>
        watchState(dev.flowrpc.v1.WatchStateRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getWatchStateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Changes vars of one component from outside, whole or not at all. Role: call.
     * </pre>
     */
    public dev.flowrpc.v1.UpdateStateResponse updateState(dev.flowrpc.v1.UpdateStateRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getUpdateStateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the commands of the app. Role: read.
     * </pre>
     */
    public dev.flowrpc.v1.ListCommandsResponse listCommands(dev.flowrpc.v1.ListCommandsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListCommandsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Gives the source of a command's client part. Nobody may run it whose user did not ask for that. Role: call.
     * </pre>
     */
    public dev.flowrpc.v1.GetCommandSourceResponse getCommandSource(dev.flowrpc.v1.GetCommandSourceRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getGetCommandSourceMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Calls a command and answers when what it did is durable. Role: call.
     * </pre>
     */
    public dev.flowrpc.v1.CallCommandResponse callCommand(dev.flowrpc.v1.CallCommandRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCallCommandMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Calls a command that streams: sends each item when what was done up to it is durable. Role: call.
     * A stream that breaks stays as it is: it cannot be resumed, and sent again it is another one.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, dev.flowrpc.v1.StreamCommandResponse>
        streamCommand(dev.flowrpc.v1.StreamCommandRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getStreamCommandMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the works with their status. Role: read.
     * </pre>
     */
    public dev.flowrpc.v1.ListWorksResponse listWorks(dev.flowrpc.v1.ListWorksRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListWorksMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the attached agents with what they have and what is taken of it. Role: read.
     * </pre>
     */
    public dev.flowrpc.v1.ListAgentsResponse listAgents(dev.flowrpc.v1.ListAgentsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListAgentsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Drains an agent: it gets no more runs, finishes what it has, and leaves. Answers when the agent has heard it, or is
     * gone; not even a restart of the service takes that back. Role: admin.
     * </pre>
     */
    public dev.flowrpc.v1.DrainAgentResponse drainAgent(dev.flowrpc.v1.DrainAgentRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getDrainAgentMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists runs, newest first. Role: read.
     * </pre>
     */
    public dev.flowrpc.v1.ListRunsResponse listRuns(dev.flowrpc.v1.ListRunsRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getListRunsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Cancels a run that has not ended. Role: call.
     * </pre>
     */
    public dev.flowrpc.v1.CancelRunResponse cancelRun(dev.flowrpc.v1.CancelRunRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCancelRunMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends log records of flows and works, recent ones first. Role: read.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, dev.flowrpc.v1.StreamLogsResponse>
        streamLogs(dev.flowrpc.v1.StreamLogsRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getStreamLogsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Stops the app in order; it can be started again where it was. Role: admin.
     * </pre>
     */
    public dev.flowrpc.v1.StopAppResponse stopApp(dev.flowrpc.v1.StopAppRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getStopAppMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service FlowService.
   * <pre>
   * What clients ask of a running app.
   * Every answer carries the revision that it speaks of; nothing is told before it is durable. Calls carry
   * `authorization: Bearer TOKEN`; errors carry `google.rpc.ErrorInfo` with a reason from `ErrorReason`.
   * </pre>
   */
  public static final class FlowServiceBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<FlowServiceBlockingStub> {
    private FlowServiceBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected FlowServiceBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new FlowServiceBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Tells what app this is and how it is. Role: read.
     * </pre>
     */
    public dev.flowrpc.v1.GetAppResponse getApp(dev.flowrpc.v1.GetAppRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetAppMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Reads the state of a component, and of everything below it. Role: read.
     * </pre>
     */
    public dev.flowrpc.v1.GetStateResponse getState(dev.flowrpc.v1.GetStateRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetStateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Follows the state: a snapshot or what was missed, then every revision, once and in order. Role: read.
     * </pre>
     */
    public java.util.Iterator<dev.flowrpc.v1.WatchStateResponse> watchState(
        dev.flowrpc.v1.WatchStateRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getWatchStateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Changes vars of one component from outside, whole or not at all. Role: call.
     * </pre>
     */
    public dev.flowrpc.v1.UpdateStateResponse updateState(dev.flowrpc.v1.UpdateStateRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getUpdateStateMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the commands of the app. Role: read.
     * </pre>
     */
    public dev.flowrpc.v1.ListCommandsResponse listCommands(dev.flowrpc.v1.ListCommandsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListCommandsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Gives the source of a command's client part. Nobody may run it whose user did not ask for that. Role: call.
     * </pre>
     */
    public dev.flowrpc.v1.GetCommandSourceResponse getCommandSource(dev.flowrpc.v1.GetCommandSourceRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getGetCommandSourceMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Calls a command and answers when what it did is durable. Role: call.
     * </pre>
     */
    public dev.flowrpc.v1.CallCommandResponse callCommand(dev.flowrpc.v1.CallCommandRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCallCommandMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Calls a command that streams: sends each item when what was done up to it is durable. Role: call.
     * A stream that breaks stays as it is: it cannot be resumed, and sent again it is another one.
     * </pre>
     */
    public java.util.Iterator<dev.flowrpc.v1.StreamCommandResponse> streamCommand(
        dev.flowrpc.v1.StreamCommandRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getStreamCommandMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the works with their status. Role: read.
     * </pre>
     */
    public dev.flowrpc.v1.ListWorksResponse listWorks(dev.flowrpc.v1.ListWorksRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListWorksMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists the attached agents with what they have and what is taken of it. Role: read.
     * </pre>
     */
    public dev.flowrpc.v1.ListAgentsResponse listAgents(dev.flowrpc.v1.ListAgentsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListAgentsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Drains an agent: it gets no more runs, finishes what it has, and leaves. Answers when the agent has heard it, or is
     * gone; not even a restart of the service takes that back. Role: admin.
     * </pre>
     */
    public dev.flowrpc.v1.DrainAgentResponse drainAgent(dev.flowrpc.v1.DrainAgentRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getDrainAgentMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Lists runs, newest first. Role: read.
     * </pre>
     */
    public dev.flowrpc.v1.ListRunsResponse listRuns(dev.flowrpc.v1.ListRunsRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getListRunsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Cancels a run that has not ended. Role: call.
     * </pre>
     */
    public dev.flowrpc.v1.CancelRunResponse cancelRun(dev.flowrpc.v1.CancelRunRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCancelRunMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends log records of flows and works, recent ones first. Role: read.
     * </pre>
     */
    public java.util.Iterator<dev.flowrpc.v1.StreamLogsResponse> streamLogs(
        dev.flowrpc.v1.StreamLogsRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getStreamLogsMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Stops the app in order; it can be started again where it was. Role: admin.
     * </pre>
     */
    public dev.flowrpc.v1.StopAppResponse stopApp(dev.flowrpc.v1.StopAppRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getStopAppMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service FlowService.
   * <pre>
   * What clients ask of a running app.
   * Every answer carries the revision that it speaks of; nothing is told before it is durable. Calls carry
   * `authorization: Bearer TOKEN`; errors carry `google.rpc.ErrorInfo` with a reason from `ErrorReason`.
   * </pre>
   */
  public static final class FlowServiceFutureStub
      extends io.grpc.stub.AbstractFutureStub<FlowServiceFutureStub> {
    private FlowServiceFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected FlowServiceFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new FlowServiceFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Tells what app this is and how it is. Role: read.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.flowrpc.v1.GetAppResponse> getApp(
        dev.flowrpc.v1.GetAppRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetAppMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Reads the state of a component, and of everything below it. Role: read.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.flowrpc.v1.GetStateResponse> getState(
        dev.flowrpc.v1.GetStateRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetStateMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Changes vars of one component from outside, whole or not at all. Role: call.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.flowrpc.v1.UpdateStateResponse> updateState(
        dev.flowrpc.v1.UpdateStateRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getUpdateStateMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists the commands of the app. Role: read.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.flowrpc.v1.ListCommandsResponse> listCommands(
        dev.flowrpc.v1.ListCommandsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListCommandsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Gives the source of a command's client part. Nobody may run it whose user did not ask for that. Role: call.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.flowrpc.v1.GetCommandSourceResponse> getCommandSource(
        dev.flowrpc.v1.GetCommandSourceRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getGetCommandSourceMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Calls a command and answers when what it did is durable. Role: call.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.flowrpc.v1.CallCommandResponse> callCommand(
        dev.flowrpc.v1.CallCommandRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCallCommandMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists the works with their status. Role: read.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.flowrpc.v1.ListWorksResponse> listWorks(
        dev.flowrpc.v1.ListWorksRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListWorksMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists the attached agents with what they have and what is taken of it. Role: read.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.flowrpc.v1.ListAgentsResponse> listAgents(
        dev.flowrpc.v1.ListAgentsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListAgentsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Drains an agent: it gets no more runs, finishes what it has, and leaves. Answers when the agent has heard it, or is
     * gone; not even a restart of the service takes that back. Role: admin.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.flowrpc.v1.DrainAgentResponse> drainAgent(
        dev.flowrpc.v1.DrainAgentRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getDrainAgentMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Lists runs, newest first. Role: read.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.flowrpc.v1.ListRunsResponse> listRuns(
        dev.flowrpc.v1.ListRunsRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getListRunsMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Cancels a run that has not ended. Role: call.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.flowrpc.v1.CancelRunResponse> cancelRun(
        dev.flowrpc.v1.CancelRunRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCancelRunMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Stops the app in order; it can be started again where it was. Role: admin.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.flowrpc.v1.StopAppResponse> stopApp(
        dev.flowrpc.v1.StopAppRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getStopAppMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_GET_APP = 0;
  private static final int METHODID_GET_STATE = 1;
  private static final int METHODID_WATCH_STATE = 2;
  private static final int METHODID_UPDATE_STATE = 3;
  private static final int METHODID_LIST_COMMANDS = 4;
  private static final int METHODID_GET_COMMAND_SOURCE = 5;
  private static final int METHODID_CALL_COMMAND = 6;
  private static final int METHODID_STREAM_COMMAND = 7;
  private static final int METHODID_LIST_WORKS = 8;
  private static final int METHODID_LIST_AGENTS = 9;
  private static final int METHODID_DRAIN_AGENT = 10;
  private static final int METHODID_LIST_RUNS = 11;
  private static final int METHODID_CANCEL_RUN = 12;
  private static final int METHODID_STREAM_LOGS = 13;
  private static final int METHODID_STOP_APP = 14;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final AsyncService serviceImpl;
    private final int methodId;

    MethodHandlers(AsyncService serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_GET_APP:
          serviceImpl.getApp((dev.flowrpc.v1.GetAppRequest) request,
              (io.grpc.stub.StreamObserver<dev.flowrpc.v1.GetAppResponse>) responseObserver);
          break;
        case METHODID_GET_STATE:
          serviceImpl.getState((dev.flowrpc.v1.GetStateRequest) request,
              (io.grpc.stub.StreamObserver<dev.flowrpc.v1.GetStateResponse>) responseObserver);
          break;
        case METHODID_WATCH_STATE:
          serviceImpl.watchState((dev.flowrpc.v1.WatchStateRequest) request,
              (io.grpc.stub.StreamObserver<dev.flowrpc.v1.WatchStateResponse>) responseObserver);
          break;
        case METHODID_UPDATE_STATE:
          serviceImpl.updateState((dev.flowrpc.v1.UpdateStateRequest) request,
              (io.grpc.stub.StreamObserver<dev.flowrpc.v1.UpdateStateResponse>) responseObserver);
          break;
        case METHODID_LIST_COMMANDS:
          serviceImpl.listCommands((dev.flowrpc.v1.ListCommandsRequest) request,
              (io.grpc.stub.StreamObserver<dev.flowrpc.v1.ListCommandsResponse>) responseObserver);
          break;
        case METHODID_GET_COMMAND_SOURCE:
          serviceImpl.getCommandSource((dev.flowrpc.v1.GetCommandSourceRequest) request,
              (io.grpc.stub.StreamObserver<dev.flowrpc.v1.GetCommandSourceResponse>) responseObserver);
          break;
        case METHODID_CALL_COMMAND:
          serviceImpl.callCommand((dev.flowrpc.v1.CallCommandRequest) request,
              (io.grpc.stub.StreamObserver<dev.flowrpc.v1.CallCommandResponse>) responseObserver);
          break;
        case METHODID_STREAM_COMMAND:
          serviceImpl.streamCommand((dev.flowrpc.v1.StreamCommandRequest) request,
              (io.grpc.stub.StreamObserver<dev.flowrpc.v1.StreamCommandResponse>) responseObserver);
          break;
        case METHODID_LIST_WORKS:
          serviceImpl.listWorks((dev.flowrpc.v1.ListWorksRequest) request,
              (io.grpc.stub.StreamObserver<dev.flowrpc.v1.ListWorksResponse>) responseObserver);
          break;
        case METHODID_LIST_AGENTS:
          serviceImpl.listAgents((dev.flowrpc.v1.ListAgentsRequest) request,
              (io.grpc.stub.StreamObserver<dev.flowrpc.v1.ListAgentsResponse>) responseObserver);
          break;
        case METHODID_DRAIN_AGENT:
          serviceImpl.drainAgent((dev.flowrpc.v1.DrainAgentRequest) request,
              (io.grpc.stub.StreamObserver<dev.flowrpc.v1.DrainAgentResponse>) responseObserver);
          break;
        case METHODID_LIST_RUNS:
          serviceImpl.listRuns((dev.flowrpc.v1.ListRunsRequest) request,
              (io.grpc.stub.StreamObserver<dev.flowrpc.v1.ListRunsResponse>) responseObserver);
          break;
        case METHODID_CANCEL_RUN:
          serviceImpl.cancelRun((dev.flowrpc.v1.CancelRunRequest) request,
              (io.grpc.stub.StreamObserver<dev.flowrpc.v1.CancelRunResponse>) responseObserver);
          break;
        case METHODID_STREAM_LOGS:
          serviceImpl.streamLogs((dev.flowrpc.v1.StreamLogsRequest) request,
              (io.grpc.stub.StreamObserver<dev.flowrpc.v1.StreamLogsResponse>) responseObserver);
          break;
        case METHODID_STOP_APP:
          serviceImpl.stopApp((dev.flowrpc.v1.StopAppRequest) request,
              (io.grpc.stub.StreamObserver<dev.flowrpc.v1.StopAppResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getGetAppMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.flowrpc.v1.GetAppRequest,
              dev.flowrpc.v1.GetAppResponse>(
                service, METHODID_GET_APP)))
        .addMethod(
          getGetStateMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.flowrpc.v1.GetStateRequest,
              dev.flowrpc.v1.GetStateResponse>(
                service, METHODID_GET_STATE)))
        .addMethod(
          getWatchStateMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              dev.flowrpc.v1.WatchStateRequest,
              dev.flowrpc.v1.WatchStateResponse>(
                service, METHODID_WATCH_STATE)))
        .addMethod(
          getUpdateStateMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.flowrpc.v1.UpdateStateRequest,
              dev.flowrpc.v1.UpdateStateResponse>(
                service, METHODID_UPDATE_STATE)))
        .addMethod(
          getListCommandsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.flowrpc.v1.ListCommandsRequest,
              dev.flowrpc.v1.ListCommandsResponse>(
                service, METHODID_LIST_COMMANDS)))
        .addMethod(
          getGetCommandSourceMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.flowrpc.v1.GetCommandSourceRequest,
              dev.flowrpc.v1.GetCommandSourceResponse>(
                service, METHODID_GET_COMMAND_SOURCE)))
        .addMethod(
          getCallCommandMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.flowrpc.v1.CallCommandRequest,
              dev.flowrpc.v1.CallCommandResponse>(
                service, METHODID_CALL_COMMAND)))
        .addMethod(
          getStreamCommandMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              dev.flowrpc.v1.StreamCommandRequest,
              dev.flowrpc.v1.StreamCommandResponse>(
                service, METHODID_STREAM_COMMAND)))
        .addMethod(
          getListWorksMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.flowrpc.v1.ListWorksRequest,
              dev.flowrpc.v1.ListWorksResponse>(
                service, METHODID_LIST_WORKS)))
        .addMethod(
          getListAgentsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.flowrpc.v1.ListAgentsRequest,
              dev.flowrpc.v1.ListAgentsResponse>(
                service, METHODID_LIST_AGENTS)))
        .addMethod(
          getDrainAgentMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.flowrpc.v1.DrainAgentRequest,
              dev.flowrpc.v1.DrainAgentResponse>(
                service, METHODID_DRAIN_AGENT)))
        .addMethod(
          getListRunsMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.flowrpc.v1.ListRunsRequest,
              dev.flowrpc.v1.ListRunsResponse>(
                service, METHODID_LIST_RUNS)))
        .addMethod(
          getCancelRunMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.flowrpc.v1.CancelRunRequest,
              dev.flowrpc.v1.CancelRunResponse>(
                service, METHODID_CANCEL_RUN)))
        .addMethod(
          getStreamLogsMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              dev.flowrpc.v1.StreamLogsRequest,
              dev.flowrpc.v1.StreamLogsResponse>(
                service, METHODID_STREAM_LOGS)))
        .addMethod(
          getStopAppMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.flowrpc.v1.StopAppRequest,
              dev.flowrpc.v1.StopAppResponse>(
                service, METHODID_STOP_APP)))
        .build();
  }

  private static abstract class FlowServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    FlowServiceBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.flowrpc.v1.FlowServiceOuterClass.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("FlowService");
    }
  }

  private static final class FlowServiceFileDescriptorSupplier
      extends FlowServiceBaseDescriptorSupplier {
    FlowServiceFileDescriptorSupplier() {}
  }

  private static final class FlowServiceMethodDescriptorSupplier
      extends FlowServiceBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    FlowServiceMethodDescriptorSupplier(java.lang.String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (FlowServiceGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new FlowServiceFileDescriptorSupplier())
              .addMethod(getGetAppMethod())
              .addMethod(getGetStateMethod())
              .addMethod(getWatchStateMethod())
              .addMethod(getUpdateStateMethod())
              .addMethod(getListCommandsMethod())
              .addMethod(getGetCommandSourceMethod())
              .addMethod(getCallCommandMethod())
              .addMethod(getStreamCommandMethod())
              .addMethod(getListWorksMethod())
              .addMethod(getListAgentsMethod())
              .addMethod(getDrainAgentMethod())
              .addMethod(getListRunsMethod())
              .addMethod(getCancelRunMethod())
              .addMethod(getStreamLogsMethod())
              .addMethod(getStopAppMethod())
              .build();
        }
      }
    }
    return result;
  }
}
