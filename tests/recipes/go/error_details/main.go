// Reads the details of an error (google.rpc.Status). Usage: error_details TARGET
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	pb "profilecontext/v1"
)

func main() {
	connection, err := grpc.Dial(os.Args[1], grpc.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()

	// Wrong on purpose: there is no identity without a namespace.
	_, err = pb.NewProfileContextClient(connection).GetContext(ctx, &pb.GetContextRequest{
		Person: &pb.GetContextRequest_Identity{Identity: &pb.Identity{}},
	})
	failure := status.Convert(err)
	// The code is for general rules, the reason for special ones; the message is for people.
	fmt.Printf("code: %v\n", failure.Code())
	for _, detail := range failure.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			fmt.Printf("reason: %s\ndomain: %s\n", detail.Reason, detail.Domain)
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				fmt.Printf("field: %s: %s\n", violation.Field, violation.Description)
			}
		case *errdetails.RetryInfo:
			fmt.Printf("retry after: %d s\n", detail.GetRetryDelay().GetSeconds())
		case *errdetails.RequestInfo:
			fmt.Printf("request id: %s\n", detail.RequestId)
		}
	}
}
