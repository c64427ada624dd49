// Peer: an echo server on Asio, one thread, no framing: what comes goes back.
//
// Usage: `peer-asio ADDR:PORT`. Prints `ready` when it listens. From the root of the repository,
// with Debian's libasio-dev:
//
//     g++ -O3 -std=c++17 -DASIO_STANDALONE bench/peers/asio.cpp -o bench/target/release/peer-asio

#include <array>
#include <asio.hpp>
#include <iostream>
#include <memory>
#include <string>

using asio::ip::tcp;

class Session : public std::enable_shared_from_this<Session> {
public:
    explicit Session(tcp::socket socket) : socket_(std::move(socket)) {}

    void read() {
        socket_.async_read_some(asio::buffer(buffer_),
            [self = shared_from_this()](std::error_code error, std::size_t bytes) {
                if (!error) self->write(bytes);
            });
    }

private:
    void write(std::size_t bytes) {
        asio::async_write(socket_, asio::buffer(buffer_, bytes),
            [self = shared_from_this()](std::error_code error, std::size_t) {
                if (!error) self->read();
            });
    }

    tcp::socket socket_;
    std::array<char, 4096> buffer_;
};

void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](std::error_code error, tcp::socket socket) {
        if (!error) {
            std::error_code gone;
            socket.set_option(tcp::no_delay(true), gone);
            if (!gone) std::make_shared<Session>(std::move(socket))->read();
        }
        accept(acceptor);
    });
}

int main(int count, char** arguments) {
    std::string address = count == 2 ? arguments[1] : "";
    std::size_t colon = address.rfind(':');
    if (colon == std::string::npos) {
        std::cerr << "usage: peer-asio ADDR:PORT\n";
        return 2;
    }
    unsigned short port = static_cast<unsigned short>(std::stoi(address.substr(colon + 1)));
    // One thread runs it, so that it needs no locks.
    asio::io_context context(ASIO_CONCURRENCY_HINT_UNSAFE);
    tcp::acceptor acceptor(context, {asio::ip::make_address(address.substr(0, colon)), port});
    accept(acceptor);
    std::cout << "ready" << std::endl;
    context.run();
}
