// What the C++ peers share: serving one service on a port of the loopback until killed.
#ifndef PC_BENCH_SERVE_H
#define PC_BENCH_SERVE_H

#include <iostream>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

// The exit status.
inline int serve(const char *program, const std::string &port, grpc::Service *service)
{
    int bound = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + port, grpc::InsecureServerCredentials(), &bound);
    builder.RegisterService(service);
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (server == nullptr || bound == 0) {
        std::cerr << program << ": cannot listen on " << port << "\n";
        return 1;
    }
    std::cout << "listening on " << bound << std::endl;
    server->Wait();
    return 0;
}

#endif
