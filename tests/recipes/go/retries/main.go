// Tries again what failed in passing, by gRPC's own retries. grpc-go before 1.40 has them only with
// GRPC_GO_RETRY=on in the environment. Usage: retries TARGET NAMESPACE ID
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"

	pb "profilecontext/v1"
)

// The tries share one deadline; only calls that change nothing belong here.
const serviceConfig = `{"methodConfig": [{
	"name": [{"service": "profilecontext.v1.ProfileContext"}],
	"retryPolicy": {
		"maxAttempts": 4,
		"initialBackoff": "0.2s",
		"maxBackoff": "2s",
		"backoffMultiplier": 2,
		"retryableStatusCodes": ["UNAVAILABLE"]
	}
}]}`

func main() {
	target, namespace, id := os.Args[1], os.Args[2], os.Args[3]
	connection, err := grpc.Dial(target, grpc.WithInsecure(),
		grpc.WithDefaultServiceConfig(serviceConfig))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	response, err := pb.NewProfileContextClient(connection).GetProfile(ctx, &pb.GetProfileRequest{
		Person: &pb.GetProfileRequest_Identity{
			Identity: &pb.Identity{Namespace: namespace, Id: id},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("first name: %s\n", response.GetProfile().GetPerson().GetName().GetFirstName())
}
