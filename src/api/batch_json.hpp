// A batch as clients read it: the same object in the answer of the POST, of the GET and in each line of the list.
#pragma once
#include <string>

#include "api/problems.hpp"
#include "model/batch.hpp"

namespace ratebook::api {

/// What a node that shows version `shown` says of a batch: what it became later than that has not happened yet.
Batch as_shown(Batch batch, Version shown);

/// A batch that is in the log and not decided.
Batch accepted_batch(const BatchHeader& header);

void append_batch(std::string& out, const Batch& batch);

/// Why a rejected batch was rejected.
Problem rejection_problem(const Batch& batch);

}  // namespace ratebook::api
