// Shows the server a certificate, and believes only one that this CA has signed.
// Usage: mtls TARGET CA CERTIFICATE KEY NAMESPACE ID
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/ioutil"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	pb "profilecontext/v1"
)

func main() {
	target, caFile, certificateFile, keyFile := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	namespace, id := os.Args[5], os.Args[6]
	ca, err := ioutil.ReadFile(caFile)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		log.Fatalf("%s holds no certificate", caFile)
	}
	own, err := tls.LoadX509KeyPair(certificateFile, keyFile)
	if err != nil {
		log.Fatal(err)
	}
	connection, err := grpc.Dial(target, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
		RootCAs:      roots,
		Certificates: []tls.Certificate{own},
	})))
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
