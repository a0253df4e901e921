-- wrk script: messages of a partner about shared tickets, about 2 KiB each, no two alike.
--
-- Environment:
--   LOAD_TICKETS    file with the tickets' identifiers, one a line
--   LOAD_TOKEN      value of X-Ticket-Sharing-Token
--   LOAD_BASE       path of the protocol, such as /sharing
--   LOAD_SEED       a number that differs between runs, so that their comments differ
--   LOAD_SAMPLES    prefix of eight files that get the body of a message each: PREFIX0 to PREFIX7
--   LOAD_RESULT     file that gets the figures, a `name value` a line; times are microseconds

local base = os.getenv("LOAD_BASE") or "/sharing"
local seed = tonumber(os.getenv("LOAD_SEED") or "1")
local byteCount = 2048

-- What a help desk writes, so that the text compresses as real text does.
local sentences = {
    "The customer reports that the autofocus hunts in low light and then stops at the near limit.",
    "We have asked for the serial number of the lens and for two sample pictures taken at full aperture.",
    "The bayonet shows traces of wear, but the contacts are clean and the firmware is the latest one.",
    "Our workshop could not reproduce the fault with another body of the same series.",
    "Please check whether this batch is among those with the weak aperture spring.",
    "The parcel left our warehouse yesterday and should arrive within three working days.",
    "She needs the camera for a wedding on Saturday and would accept a replacement on loan.",
    "According to our records the warranty ended in March, yet we are willing to share the cost.",
    "I have attached the log of the service software; the error code is the one we discussed last week.",
    "The image stabiliser rattles when the lens is tilted, which it should not do when it is locked.",
    "Could you tell us the expected date of delivery, so that we can inform the dealer?",
    "After the update the exposure is constant again, only the display still flickers at times.",
    "He returned the lens without its cap and hood, and asks whether these can be sent separately.",
    "We compared it with three others of the same type and found the same decentring in one of them.",
    "The repair was done on the fourteenth, and the adjustment was verified on the test bench twice.",
    "Thank you for the quick answer, the customer is content with the solution you proposed.",
    "If the fault comes back, please send the lens to us directly and mention this number.",
    "There was dust between the second and the third element, which we have removed.",
    "The distributor in Gothenburg has asked for the same part, we have reserved two of them.",
    "Their technician suspects the flat cable of the focus motor, part number LW-2207-B.",
    "Kindly confirm the address, since the last parcel came back to us as undeliverable.",
    "The colour cast appears only with the polarising filter, so we take it for normal behaviour.",
    "This concerns the lens with the silver ring, not the newer one that was sold from May on.",
    "We would like to keep the ticket open until the customer has tried it outdoors.",
}
local names = { "Åsa Lindqvist", "Jonas Meyer", "Ruth Abara", "Tomás Ferreira", "Wen Li", "Ida Holm" }
local statuses = { "open", "pending", "hold", "open" }

local random, format = math.random, string.format

local function hex40()
    return format(
        "%08x%08x%08x%08x%08x",
        random(0, 0xffffffff), random(0, 0xffffffff), random(0, 0xffffffff), random(0, 0xffffffff),
        random(0, 0xffffffff))
end

local tickets = {}

-- Made once: what is measured shares the machine with whoever writes it. No two comments are alike even so, as each has an
-- identifier and a time of its own.
local texts = {}

local function makeTexts()
    for number = 1, 256 do
        local words, length = {}, 0
        while length < byteCount do
            local sentence = sentences[random(#sentences)]
            words[#words + 1] = sentence
            length = length + #sentence + 1
        end
        texts[number] = table.concat(words, " ")
    end
end

local function prose(count)
    return string.sub(texts[random(#texts)], 1, count)
end

local function actor()
    local number = random(#names)
    return format('{"uuid":"%040x","name":"%s","role":"agent"}', 0xac7000 + number, names[number])
end

local function comment(count)
    return format(
        '{"uuid":"%s","author":%s,"body":"%s","authored_at":"2026-%02d-%02d %02d:%02d:%02d +0000","public":%s}',
        hex40(), actor(), prose(count), random(12), random(28), random(0, 23), random(0, 59), random(0, 59),
        random(4) == 1 and "false" or "true")
end

local function updateBody(identifier)
    local frame = format(
        '{"uuid":"%s","status":"%s","current_actor":%s,"comments":[', identifier, statuses[random(#statuses)], actor())
    -- 230 bytes or so are the comment's own members.
    return frame .. comment(byteCount - #frame - 232) .. "]}"
end

-- Threads

local threads = {}

function setup(thread)
    threads[#threads + 1] = thread
    thread:set("threadNumber", #threads)
end

function init()
    for identifier in io.lines(os.getenv("LOAD_TICKETS")) do
        tickets[#tickets + 1] = identifier
    end
    math.randomseed(seed * 1000 + threadNumber)
    makeTexts()
    wrk.headers["Content-Type"] = "application/json"
    wrk.headers["Accept"] = "application/json"
    wrk.headers["X-Ticket-Sharing-Token"] = os.getenv("LOAD_TOKEN")
    local samples = os.getenv("LOAD_SAMPLES")
    if samples then
        for number = 0, 7 do
            local file = assert(io.open(samples .. number, "w"))
            assert(file:write(updateBody(tickets[random(#tickets)])))
            file:close()
        end
    end
end

function request()
    local identifier = tickets[random(#tickets)]
    return wrk.format("PUT", base .. "/tickets/" .. identifier, nil, updateBody(identifier))
end

function done(summary, latency)
    local path = os.getenv("LOAD_RESULT")
    if not path then return end
    local errors = summary.errors
    local file = assert(io.open(path, "w"))
    file:write(format("requests %d\nduration %d\n", summary.requests, summary.duration))
    file:write(format("p50 %d\np99 %d\nlongest %d\n", latency:percentile(50), latency:percentile(99), latency.max))
    file:write(format("refused %d\n", errors.status))
    file:write(format("broken %d\n", errors.connect + errors.read + errors.write + errors.timeout))
    file:close()
end
