// How `push` and `import` send a batch: exactly once, followed until it is decided, with what the server says of it.
#pragma once
#include "cli/file_form.hpp"
#include "cli/words.hpp"
#include "client/client.hpp"
#include "client/file_body.hpp"

namespace ratebook::cli {

/// Returns the exit code. `options.file` is what messages call it.
int send_batch(const PushOptions& options, const Console& console, client::Client client, const client::FileBody& file,
               FileForm form);

}  // namespace ratebook::cli
