// Asio, the same way everywhere in this folder.
#pragma once
#if defined(__SANITIZE_THREAD__) && !defined(BOOST_ASIO_DISABLE_FENCED_BLOCK)
// ThreadSanitizer does not know stand-alone fences; the locks around Asio's queues order the same things.
#define BOOST_ASIO_DISABLE_FENCED_BLOCK
#endif
#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
