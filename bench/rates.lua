-- Random GETs of a file's lines, and what wrk counted as one line of JSON. The same requests go to Ratebook and to nginx,
-- so that the client costs both the same.
local requests = {}

function init(args)
  math.randomseed(tonumber(args[2]))
  for target in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", target)
  end
end

function request()
  return requests[math.random(#requests)]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"errors":%d}\n', summary.requests,
    summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
