-- What every script reports: wrk's totals and its latencies as one line of JSON, with the answers by kind.
local threads = {}

local function add(name)
  local sum = 0
  for _, thread in ipairs(threads) do sum = sum + (thread:get(name) or 0) end
  return sum
end

local summary = {}

function summary.watch(thread)
  table.insert(threads, thread)
  return #threads
end

function summary.print(totals, latency)
  local line = '{"requests": %d, "microseconds": %d, "good": %d, "refused": %d, "failed": %d, "broken": %d, '
    .. '"p50": %d, "p90": %d, "p99": %d, "worst": %d}'
  local broken = totals.errors.connect + totals.errors.read + totals.errors.write + totals.errors.timeout
  print("BENCH " .. string.format(line, totals.requests, totals.duration, add("good"), add("refused"), add("failed"),
    broken, latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max))
end

-- Called by each thread's `response`: 2xx and 3xx are good, 4xx refused, 5xx failed.
function summary.count(status)
  if status < 400 then good = (good or 0) + 1
  elseif status < 500 then refused = (refused or 0) + 1
  else failed = (failed or 0) + 1 end
end

return summary
