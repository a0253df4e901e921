import Testing

/// What comes in over HTTP and must do no harm: one service takes all of it.
@Suite(.fewAtATime, .sharedService, .timeLimit(.minutes(15))) struct InputTests {}
