-- Steps through a deck: wrk … -- FILE SIZE FIRST COUNT. Ends rather than send a request twice.
local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  deck = assert(io.open(args[1], "rb"))
  deck:setvbuf("full", 1048576)
  size, left, taken, spent = tonumber(args[2]), tonumber(args[4]), 0, 0
  deck:seek("set", size * tonumber(args[3]))
end

function request()
  if taken >= left then
    spent = 1
    wrk.thread:stop()
    return ""
  end
  taken = taken + 1
  return deck:read(size)
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format('RESULT {"answers": %d, "seconds": %.6f, "taken": %d, "spent": %d, "refused": %d, "broken": %d}',
    summary.requests, summary.duration / 1e6, threads[1]:get("taken"), threads[1]:get("spent"), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
