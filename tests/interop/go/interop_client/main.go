// The interop cases through grpc-go. Usage: interop_client HOST:PORT [CA CERTIFICATE KEY]
//
// Prints a line for each case: its name, a tab, and "ok", "skip" or "FAIL" with another tab and why.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"io/ioutil"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "grpc/testing"
)

const bound = 30 * time.Second

type skip string

func (s skip) Error() string { return string(s) }

type clients struct {
	test          pb.TestServiceClient
	unimplemented pb.UnimplementedServiceClient
}

type testCase struct {
	name string
	run  func(ctx context.Context, c clients) error
}

var cases = []testCase{
	{"empty_unary", emptyUnary},
	{"large_unary", largeUnary},
	{"client_compressed_unary", clientCompressedUnary},
	{"server_compressed_unary", serverCompressedUnary},
	{"client_streaming", clientStreaming},
	{"client_compressed_streaming", clientCompressedStreaming},
	{"server_streaming", serverStreaming},
	{"server_compressed_streaming", serverCompressedStreaming},
	{"ping_pong", pingPong},
	{"empty_stream", emptyStream},
	{"custom_metadata", customMetadata},
	{"status_code_and_message", statusCodeAndMessage},
	{"special_status_message", specialStatusMessage},
	{"unimplemented_method", unimplementedMethod},
	{"unimplemented_service", unimplementedService},
	{"cancel_after_begin", cancelAfterBegin},
	{"cancel_after_first_response", cancelAfterFirstResponse},
	{"timeout_on_sleeping_server", timeoutOnSleepingServer},
	{"concurrent_large_unary", concurrentLargeUnary},
}

// countingGzip stands in for grpc-go's own and counts the messages that came compressed.
type countingGzip struct {
	encoding.Compressor
	decompressed int
}

func (c *countingGzip) Decompress(r io.Reader) (io.Reader, error) {
	c.decompressed++
	return c.Compressor.Decompress(r)
}

var gzip *countingGzip

func payload(size int) *pb.Payload {
	return &pb.Payload{Body: make([]byte, size)}
}

func largeRequest() *pb.SimpleRequest {
	return &pb.SimpleRequest{ResponseSize: 314159, Payload: payload(271828)}
}

func sized(sizes ...int) []*pb.ResponseParameters {
	var all []*pb.ResponseParameters
	for _, size := range sizes {
		all = append(all, &pb.ResponseParameters{Size: int32(size)})
	}
	return all
}

func fails(err error, code codes.Code) error {
	if status.Code(err) != code {
		return fmt.Errorf("ended with %v, wanted %v", err, code)
	}
	return nil
}

func failsSaying(err error, code codes.Code, message string) error {
	if found := status.Convert(err).Message(); err != nil && found != message {
		return fmt.Errorf("the message is %q, wanted %q", found, message)
	}
	return fails(err, code)
}

func isLarge(answer *pb.SimpleResponse, err error) error {
	if err != nil {
		return err
	}
	if !bytes.Equal(answer.GetPayload().GetBody(), make([]byte, 314159)) {
		return fmt.Errorf("the payload has %d bytes, or they are not zero",
			len(answer.GetPayload().GetBody()))
	}
	return nil
}

func emptyUnary(ctx context.Context, c clients) error {
	_, err := c.test.EmptyCall(ctx, &pb.Empty{})
	return err
}

func largeUnary(ctx context.Context, c clients) error {
	return isLarge(c.test.UnaryCall(ctx, largeRequest()))
}

func clientCompressedUnary(ctx context.Context, c clients) error {
	request := largeRequest()
	request.ExpectCompressed = &pb.BoolValue{Value: true}
	_, err := c.test.UnaryCall(ctx, request)
	if err := fails(err, codes.InvalidArgument); err != nil {
		return err
	}
	if err := isLarge(c.test.UnaryCall(ctx, request, grpc.UseCompressor("gzip"))); err != nil {
		return err
	}
	request.ExpectCompressed.Value = false
	return isLarge(c.test.UnaryCall(ctx, request))
}

// acceptGzip says what grpc-go of this age leaves unsaid, though it can read it.
func acceptGzip(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "grpc-accept-encoding", "gzip")
}

func serverCompressedUnary(ctx context.Context, c clients) error {
	for _, compressed := range []bool{true, false} {
		gzip.decompressed = 0
		request := largeRequest()
		request.ResponseCompressed = &pb.BoolValue{Value: compressed}
		if err := isLarge(c.test.UnaryCall(acceptGzip(ctx), request)); err != nil {
			return err
		}
		if (gzip.decompressed == 1) != compressed {
			return fmt.Errorf("%d messages came compressed", gzip.decompressed)
		}
	}
	return nil
}

func clientStreaming(ctx context.Context, c clients) error {
	stream, err := c.test.StreamingInputCall(ctx)
	if err != nil {
		return err
	}
	for _, size := range []int{27182, 8, 1828, 45904} {
		if err := stream.Send(&pb.StreamingInputCallRequest{Payload: payload(size)}); err != nil {
			return err
		}
	}
	answer, err := stream.CloseAndRecv()
	if err == nil && answer.AggregatedPayloadSize != 74922 {
		err = fmt.Errorf("the sum is %d", answer.AggregatedPayloadSize)
	}
	return err
}

func clientCompressedStreaming(ctx context.Context, c clients) error {
	return skip("grpc-go compresses all messages of a call or none")
}

func receiveSizes(stream interface {
	Recv() (*pb.StreamingOutputCallResponse, error)
}, sizes ...int) error {
	for _, size := range sizes {
		answer, err := stream.Recv()
		if err != nil {
			return err
		}
		if len(answer.GetPayload().GetBody()) != size {
			return fmt.Errorf("%d bytes, wanted %d", len(answer.GetPayload().GetBody()), size)
		}
	}
	if _, err := stream.Recv(); err != io.EOF {
		return fmt.Errorf("the stream goes on or fails: %v", err)
	}
	return nil
}

func serverStreaming(ctx context.Context, c clients) error {
	sizes := []int{31415, 9, 2653, 58979}
	stream, err := c.test.StreamingOutputCall(
		ctx, &pb.StreamingOutputCallRequest{ResponseParameters: sized(sizes...)})
	if err != nil {
		return err
	}
	return receiveSizes(stream, sizes...)
}

func serverCompressedStreaming(ctx context.Context, c clients) error {
	parameters := sized(31415, 92653)
	parameters[0].Compressed = &pb.BoolValue{Value: true}
	parameters[1].Compressed = &pb.BoolValue{Value: false}
	gzip.decompressed = 0
	stream, err := c.test.StreamingOutputCall(
		acceptGzip(ctx), &pb.StreamingOutputCallRequest{ResponseParameters: parameters})
	if err != nil {
		return err
	}
	if err := receiveSizes(stream, 31415, 92653); err != nil {
		return err
	}
	if gzip.decompressed != 1 {
		return fmt.Errorf("%d messages came compressed, wanted 1", gzip.decompressed)
	}
	return nil
}

func pingPong(ctx context.Context, c clients) error {
	stream, err := c.test.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	answers := []int{31415, 9, 2653, 58979}
	for i, size := range []int{27182, 8, 1828, 45904} {
		if err := stream.Send(&pb.StreamingOutputCallRequest{
			ResponseParameters: sized(answers[i]), Payload: payload(size),
		}); err != nil {
			return err
		}
		answer, err := stream.Recv()
		if err != nil {
			return err
		}
		if len(answer.GetPayload().GetBody()) != answers[i] {
			return fmt.Errorf("%d bytes, wanted %d", len(answer.GetPayload().GetBody()), answers[i])
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return receiveSizes(stream)
}

func emptyStream(ctx context.Context, c clients) error {
	stream, err := c.test.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	return receiveSizes(stream)
}

const (
	echoHeader  = "x-grpc-test-echo-initial"
	echoTrailer = "x-grpc-test-echo-trailing-bin"
)

func echoed(header, trailer metadata.MD) error {
	if found := header.Get(echoHeader); len(found) != 1 || found[0] != "test_initial_metadata_value" {
		return fmt.Errorf("the header comes back as %q", found)
	}
	if found := trailer.Get(echoTrailer); len(found) != 1 || found[0] != "\xab\xab\xab" {
		return fmt.Errorf("the trailer comes back as %q", found)
	}
	return nil
}

func customMetadata(ctx context.Context, c clients) error {
	ctx = metadata.AppendToOutgoingContext(ctx, echoHeader, "test_initial_metadata_value",
		echoTrailer, "\xab\xab\xab")
	var header, trailer metadata.MD
	answer, err := c.test.UnaryCall(ctx, largeRequest(), grpc.Header(&header), grpc.Trailer(&trailer))
	if err := isLarge(answer, err); err != nil {
		return err
	}
	if err := echoed(header, trailer); err != nil {
		return err
	}
	stream, err := c.test.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(&pb.StreamingOutputCallRequest{
		ResponseParameters: sized(314159), Payload: payload(271828),
	}); err != nil {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	if err := receiveSizes(stream, 314159); err != nil {
		return err
	}
	header, err = stream.Header()
	if err != nil {
		return err
	}
	return echoed(header, stream.Trailer())
}

func statusCodeAndMessage(ctx context.Context, c clients) error {
	wanted := &pb.EchoStatus{Code: int32(codes.Unknown), Message: "test status message"}
	_, err := c.test.UnaryCall(ctx, &pb.SimpleRequest{ResponseStatus: wanted})
	if err := failsSaying(err, codes.Unknown, wanted.Message); err != nil {
		return err
	}
	stream, err := c.test.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(&pb.StreamingOutputCallRequest{ResponseStatus: wanted}); err != nil {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	_, err = stream.Recv()
	return failsSaying(err, codes.Unknown, wanted.Message)
}

func specialStatusMessage(ctx context.Context, c clients) error {
	text := "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
	_, err := c.test.UnaryCall(ctx, &pb.SimpleRequest{
		ResponseStatus: &pb.EchoStatus{Code: int32(codes.Unknown), Message: text},
	})
	return failsSaying(err, codes.Unknown, text)
}

func unimplementedMethod(ctx context.Context, c clients) error {
	_, err := c.test.UnimplementedCall(ctx, &pb.Empty{})
	return fails(err, codes.Unimplemented)
}

func unimplementedService(ctx context.Context, c clients) error {
	_, err := c.unimplemented.UnimplementedCall(ctx, &pb.Empty{})
	return fails(err, codes.Unimplemented)
}

func cancelAfterBegin(ctx context.Context, c clients) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.test.StreamingInputCall(ctx)
	if err != nil {
		return err
	}
	cancel()
	_, err = stream.CloseAndRecv()
	return fails(err, codes.Canceled)
}

func cancelAfterFirstResponse(ctx context.Context, c clients) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.test.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(&pb.StreamingOutputCallRequest{
		ResponseParameters: sized(31415), Payload: payload(27182),
	}); err != nil {
		return err
	}
	if _, err := stream.Recv(); err != nil {
		return err
	}
	cancel()
	_, err = stream.Recv()
	return fails(err, codes.Canceled)
}

func timeoutOnSleepingServer(ctx context.Context, c clients) error {
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	duplex, err := c.test.FullDuplexCall(short)
	if err == nil {
		// It may be too late already; what Recv says counts.
		_ = duplex.Send(&pb.StreamingOutputCallRequest{Payload: payload(27182)})
		_, err = duplex.Recv()
	}
	if err := fails(err, codes.DeadlineExceeded); err != nil {
		return err
	}
	longer, cancelLonger := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancelLonger()
	parameters := sized(1)
	parameters[0].IntervalUs = int32(bound / time.Microsecond)
	stream, err := c.test.StreamingOutputCall(
		longer, &pb.StreamingOutputCallRequest{ResponseParameters: parameters})
	if err != nil {
		return err
	}
	_, err = stream.Recv()
	return fails(err, codes.DeadlineExceeded)
}

func concurrentLargeUnary(ctx context.Context, c clients) error {
	const calls = 1000
	failures := make(chan error, calls)
	request := largeRequest()
	var running sync.WaitGroup
	for i := 0; i < calls; i++ {
		running.Add(1)
		go func() {
			defer running.Done()
			failures <- isLarge(c.test.UnaryCall(ctx, request))
		}()
	}
	running.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}

func transport(files []string) (grpc.DialOption, error) {
	if len(files) == 0 {
		return grpc.WithInsecure(), nil
	}
	ca, err := ioutil.ReadFile(files[0])
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s holds no certificate", files[0])
	}
	own, err := tls.LoadX509KeyPair(files[1], files[2])
	if err != nil {
		return nil, err
	}
	return grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
		RootCAs: roots, Certificates: []tls.Certificate{own},
	})), nil
}

func run(c clients, one testCase) string {
	limit := bound
	if one.name == "concurrent_large_unary" {
		limit = 2 * time.Minute
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	switch err := one.run(ctx, c).(type) {
	case nil:
		return "ok"
	case skip:
		return "skip\t" + err.Error()
	default:
		return "FAIL\t" + strings.ReplaceAll(err.Error(), "\n", " ")
	}
}

func main() {
	gzip = &countingGzip{Compressor: encoding.GetCompressor("gzip")}
	encoding.RegisterCompressor(gzip)
	security, err := transport(os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	connection, err := grpc.Dial(os.Args[1], security)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer connection.Close()
	c := clients{pb.NewTestServiceClient(connection), pb.NewUnimplementedServiceClient(connection)}
	for _, one := range cases {
		fmt.Printf("%s\t%s\n", one.name, run(c, one))
	}
}
