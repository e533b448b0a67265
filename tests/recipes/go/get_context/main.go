// Asks for the context of one customer, with a deadline. Usage: get_context TARGET NAMESPACE ID
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

func main() {
	target, namespace, id := os.Args[1], os.Args[2], os.Args[3]
	connection, err := grpc.Dial(target, grpc.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()

	// The server answers before the deadline with what it has by then.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	response, err := pb.NewProfileContextClient(connection).GetContext(ctx, &pb.GetContextRequest{
		Person: &pb.GetContextRequest_Identity{
			Identity: &pb.Identity{Namespace: namespace, Id: id},
		},
		EventLimit: 20,
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, info := range response.Context.Sections {
		if info.Status != pb.SectionStatus_SECTION_STATUS_OK {
			fmt.Printf("%v is incomplete: %v\n", info.Section, info.Status)
		}
	}
	fmt.Printf("first name: %s\n", response.Context.GetProfile().GetPerson().GetName().GetFirstName())
	fmt.Printf("%d events\n", len(response.Context.Events))
}
