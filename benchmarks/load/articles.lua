-- For wrk: posts the JSON bodies of a file, one per line, in order. It prints "enough" after ENOUGH answers or after a
-- status other than 200 (wrk itself runs until it is interrupted), and one line of JSON at the end.
-- Usage: wrk … -s articles.lua URL -- FILE ENOUGH

local thread

function setup(one)
  thread = one
end

function init(args)
  bodies, sent, answered, enough = {}, 0, 0, tonumber(args[2])
  for line in io.lines(args[1]) do
    bodies[#bodies + 1] = line
  end
end

local headers = { ["Content-Type"] = "application/json", ["Cache-Control"] = "no-store" }

function request()
  sent = sent + 1
  return wrk.format("POST", nil, headers, bodies[(sent - 1) % #bodies + 1])
end

function response(status)
  answered = answered + 1
  if answered == enough or status ~= 200 then
    io.write("enough\n")
    io.stdout:flush()
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "sent": %d, "failed": %d, "p50_s": %.6f, "p99_s": %.6f}\n',
    summary.requests, summary.duration / 1e6, thread:get("sent"),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end
