// Sends calls only where the server says that it can serve them.
// Usage: health_checked TARGET NAMESPACE ID
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/health" // has channels check it

	pb "profilecontext/v1"
)

// The channel watches the health of each address behind the target, and takes a healthy one.
const serviceConfig = `{
	"loadBalancingConfig": [{"round_robin": {}}],
	"healthCheckConfig": {"serviceName": "profilecontext.v1.ProfileContext"}
}`

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
	}, grpc.WaitForReady(true))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("first name: %s\n", response.GetProfile().GetPerson().GetName().GetFirstName())
}
