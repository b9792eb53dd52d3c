-- Each request is another person who books: the lines of BENCH_BOOKINGS are `token slot`, and a connection takes every
-- n-th of them, once.
local summary = dofile(os.getenv("BENCH_LUA") .. "/summary.lua")
local template = '{"slot_id": "%s"}'
local lines, number = {}, 0

function setup(thread) thread:set("place", summary.watch(thread)) end

function init()
  local connections, i = tonumber(os.getenv("BENCH_CONNECTIONS")), 0
  for line in io.lines(os.getenv("BENCH_BOOKINGS")) do
    if i % connections == place - 1 then table.insert(lines, line) end
    i = i + 1
  end
end

function request()
  number = number + 1
  -- Whoever comes after the last line asks again for the first, and is refused.
  local token, slot = string.match(lines[(number - 1) % #lines + 1], "(%S+) (%S+)")
  local headers = {
    ["Authorization"] = "Bearer " .. token,
    ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = string.format("bench-%s-%d-%d", slot, place, number),
  }
  return wrk.format("POST", nil, headers, string.format(template, slot))
end

function response(status) summary.count(status) end

function done(totals, latency) summary.print(totals, latency) end
