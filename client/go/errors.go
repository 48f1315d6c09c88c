package flowrpc

import (
	"errors"
	"fmt"
	"strings"

	"flowrpc.dev/go/flowrpcv1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const domain = "flowrpc"

// ErrNotFound tells that no running app fits; the error around it says what was looked for and what to do.
var ErrNotFound = errors.New("no running app was found")

// Error tells why a call was refused, or why it could not be made.
type Error struct {
	// Reason is the name of an ErrorReason without its prefix, such as UNKNOWN_COMMAND; empty if the app did not answer.
	Reason   string
	Message  string
	Metadata map[string]string
	// Violations tell of each field of a typed request what is wrong with it.
	Violations map[string]string
	status     *status.Status
}

// Error tells the reason and the message.
func (e *Error) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("the app did not answer (%s): %s", e.Code(), e.Message)
	}
	return e.Reason + ": " + e.Message
}

// Code is the status code of gRPC.
func (e *Error) Code() codes.Code { return e.status.Code() }

// GRPCStatus lets status.FromError find the status.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// NotReachable tells whether the app could not be reached, is ending, or did not answer: what another try may mend.
func (e *Error) NotReachable() bool {
	switch e.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return e.Reason == "" || e.Reason == "STOPPING"
	default:
		return false
	}
}

// ReasonOf returns the reason of an error of a call, also of a typed one; empty if it has none.
func ReasonOf(err error) string {
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Reason
	}
	return ""
}

// CommandFailed tells that a command raised in the app; what it changed was undone.
type CommandFailed struct {
	Command  string
	Failure  *flowrpcv1.Failure
	Revision int64
}

func (e *CommandFailed) Error() string {
	if e.Failure.GetType() == "" {
		return e.Command + ": " + e.Failure.GetMessage()
	}
	return fmt.Sprintf("%s: %s: %s", e.Command, e.Failure.GetType(), e.Failure.GetMessage())
}

// translate makes an *Error of what a stub returns; io.EOF and nil stay what they are.
func translate(err error) error {
	told, isStatus := status.FromError(err)
	if err == nil || !isStatus {
		return err
	}
	made := &Error{Message: told.Message(), status: told}
	for _, detail := range told.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() == domain {
				made.Reason = strings.TrimPrefix(detail.GetReason(), "ERROR_REASON_")
				made.Metadata = detail.GetMetadata()
			}
		case *errdetails.BadRequest:
			made.Violations = map[string]string{}
			for _, violation := range detail.GetFieldViolations() {
				made.Violations[violation.GetField()] = violation.GetDescription()
			}
		}
	}
	return made
}
