// GetContext through grpc-go: prints the answer's bytes as they are after this client has read and
// written them, in base64. Usage: get_context ADDRESS NAMESPACE ID
package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"time"

	"github.com/golang/protobuf/proto"
	"google.golang.org/grpc"

	pb "profilecontext/v1"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	connection, err := grpc.DialContext(ctx, os.Args[1], grpc.WithInsecure(), grpc.WithBlock())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer connection.Close()
	answer, err := pb.NewProfileContextClient(connection).GetContext(ctx, &pb.GetContextRequest{
		Person: &pb.GetContextRequest_Identity{
			Identity: &pb.Identity{Namespace: os.Args[2], Id: os.Args[3]},
		},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	bytes, err := proto.Marshal(answer)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(base64.StdEncoding.EncodeToString(bytes))
}
