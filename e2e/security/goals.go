package main

// A goal is a promise about security or reliability, with what proves it.
type goal struct {
	id      string
	promise string
	tests   []string // "package Test…", of the root module; "e2e Test…" and "deploy/package Test…" of those modules; "make target"
	figure  string   // that these tests check or measure
	missing string   // what of the promise no test covers; empty means nothing
}

// goals are the promises by chapter. A row without tests is not covered.
var goals = []struct {
	chapter string
	goals   []goal
}{
	{"Authentication", []goal{
		{"AU1", "Every request that AWS's own vectors call valid is accepted", []string{"internal/sigv4 TestVectorsOverTCP", "internal/sigv4 TestVectorsCanonicalRequestStringToSignSignature", "internal/sigv4 TestQueryVectorsAreRefused"}, "76 vectors, header and query, replayed over TCP", ""},
		{"AU2", "No mutation of a valid request verifies", []string{"internal/sigv4 TestNoMutationVerifies"}, "every byte of every vector, three mutations each; only equivalent forms verify", ""},
		{"AU3", "Real SDKs work unchanged", []string{"internal/sigv4 TestSDKRequestsVerify", "internal/social TestTemporaryKeyIsUsedWithItsOwnSessionTokenUntilItExpires", "e2e TestEveryClientCallsEveryOperationThatItHas", "e2e TestSDKsUseATemporaryKeyUntilItExpires", "e2e TestBoto3UsesAllMediaOperations", "e2e TestJavaScriptSDKUsesAllMediaOperations"}, "boto3, the AWS CLI, JavaScript v3 and ferry's Go client; every operation that each has; uploads and messages also with a session token", "Java and Rust; AWS's SDK for Go has no client that could be had"},
		{"AU4", "No route without the gate", []string{"internal/social TestNoRouteGoesRoundTheGate", "internal/social TestEveryOperationIsBuilt"}, "all routes", ""},
		{"AU5", "Comparisons leak nothing", []string{". TestSecretsAreComparedInConstantTime", ". TestComparisonsOfSecretsAreFound"}, "no comparison in variable time in internal/", "a timing test"},
		{"AU6", "An unknown key and a wrong signature cost the same", []string{"internal/sigv4 BenchmarkRefusal"}, "a benchmark of both, with and without a session token; the unknown key computes a signature, too", "a bound on the difference"},
		{"AU7", "The clock window is exact at both ends", []string{"internal/sigv4 TestWindowIsExactAtBothEnds"}, "15 min, to the second", ""},
		{"AU8", "The date of the scope is the date of the request", []string{"internal/sigv4 TestAdversarialRows"}, "refused", ""},
		{"AU9", "Unsigned x-amz-* headers are refused, amz-sdk-* tolerated", []string{"internal/sigv4 TestAdversarialRows", "internal/sigv4 TestSDKRequestsVerify"}, "0 accepted", ""},
		{"AU10", "The verifier never panics, in bounded time", []string{"internal/sigv4 FuzzParse", "internal/sigv4 FuzzCanonicalQuery", "internal/sigv4 FuzzCanonicalPath", "internal/sigv4 TestLongInputsTakeLinearTime"}, "three fuzz targets; 'make fuzz' runs them longer", "10^8 executions"},
		{"AU11", "Memory before authentication is bounded", []string{"internal/social TestBodyIsBoundedBeforeTheCallerIsKnown", "internal/admission TestUnverifiedClientsShareTheirMemory"}, "16 MiB for all strangers; 'make hostile' measures the process", ""},
	}},
	{"Addresses that callers choose", []goal{
		{"SS1", "No URL of a caller reaches an address that is not public", []string{"internal/guard TestAddressCorpus", "internal/guard TestAddressCorpusAtTheDialer"}, "at least 79 bad addresses blocked, 24 good ones allowed", "a test that fails when the registries are old"},
		{"SS2", "… by any spelling", []string{"internal/object TestURLCorpus", "internal/object TestHeaderCorpus", "internal/guard TestNamesAreAbsoluteUnlessTheOperatorGaveThem", "internal/object TestPublicLinkNeverReachesAPrivateAddress", "e2e TestNoURLMakesTheServerConnectToAnAddressThatIsNotPublic"}, "1,396 URLs and names at a server in a network where every address answers, for reading and writing: 0 SYNs to one that is not public", ""},
		{"SS3", "Rebinding cannot win", []string{"internal/guard TestRebindingGetsOneResolution", "internal/guard TestPinnedDialsNothingElse", "internal/guard TestSocketIsCheckedAgain"}, "100,000 dials of 8 workers, one resolution each, 0 leaks", ""},
		{"SS4", "A mixed answer is refused", []string{"internal/guard TestOneBadAnswerRefusesAll"}, "all", ""},
		{"SS5", "Redirects are never followed", []string{"internal/object TestHostileHeads"}, "0 followed", ""},
		{"SS6", "Proxies of the environment do not get round the guard", []string{"internal/object TestProxyOfTheEnvironmentIsNotUsed", "internal/event TestProxyOfTheEnvironmentIsNotUsed"}, "0 connections to the proxy", ""},
		{"SS7", "Headers change neither framing nor host nor identity", []string{"internal/object TestHeaderCorpus", "internal/object TestHeaderBounds", "internal/object TestGoldenRequest"}, "the request on the wire is compared byte by byte", ""},
		{"SS8", "The text of an error is no oracle", []string{"internal/object TestNoOracleBeforeAnAnswer", "internal/object TestHostThatCannotBeReachedGetsOneErrorAtOneTime", "internal/object TestTLSFailuresLookLikeSilence"}, "one error, at one time", ""},
		{"SS9", "The cost of a fetch is bounded", []string{"internal/object TestHostileBodies", "internal/object TestSlowSourceIsCut", "internal/object TestTimeouts", "internal/object TestErrorDocumentsAreBounded"}, "10 KiB/s over 10 s at least; one buffer of 256 KiB", ""},
		{"SS10", "ferry's own infrastructure is out of reach", []string{"internal/guard TestOwnAddressesAreRefusedAtEveryReach", "internal/guard TestDatabaseIsNotDialledByAnyName", "internal/object TestOwnAddressIsNoStore", "internal/gateway TestOwnAddressIsNoSource"}, "refused at every reach", ""},
		{"SS11", "What is written is guarded as what is read", []string{"internal/object TestURLCorpusAgainstThePut", "internal/object TestPutIsGuarded", "internal/event TestWebhookReachesNoForbiddenAddress", "internal/event TestWebhookIsSentToNoHostileURL"}, "the same corpus", ""},
	}},
	{"Webhooks in, events out", []goal{
		{"WH1", "Only Meta's bytes are accepted", []string{"internal/event TestNoBitOfAWebhookCanChange", "internal/event TestOnlyASignatureWithAnAppSecretIsAccepted", "internal/event TestBodiesUpTo3MiBAreAccepted"}, "at least 200,000 flipped bits, 0 accepted", ""},
		{"WH2", "A 200 means that it is stored", []string{"internal/outbox TestNothingIsLostWhenTheProcessIsKilled", "e2e TestAServerThatIsKilledLosesNothing", "e2e TestReplicaThatIsKilledLosesNothing", "internal/event TestWebhookIsNotAcknowledgedUntilItCanBeWritten"}, "kill -9 under load: 0 lost; 'make soak' kills 1,000 times", ""},
		{"WH3", "… also when the power fails", []string{"e2e TestPowerFailureLosesNothingThatWasAcknowledged"}, "200 moments under load, with any part of what was not synced: 0 lost, 0 damaged; 'make soak' takes 1,000", ""},
		{"WH4", "At least once out, with the same id and body", []string{"internal/event TestRepetitionHasTheSameIDAndBody", "internal/outbox TestNothingIsLostWhenTheProcessIsKilled"}, "every repetition has the same id and body", ""},
		{"WH5", "What Meta repeats is one event", []string{"internal/event TestRepetitionIsOneEvent", "internal/state TestUpdateIsRecognisedForEightDays"}, "for 8 days", ""},
		{"WH6", "Order is kept in a conversation, and a status never goes back", []string{"internal/event TestConversationsStayInOrderWhenAttemptsFail", "internal/event TestStatusesInDisorderNameTheirMessageAndItsStatusNeverGoesBack"}, "0 inversions", ""},
		{"WH7", "One bad destination holds up no other", []string{"internal/outbox TestADeadDestinationHoldsUpNobody", "internal/outbox TestManyDestinationsOfAReceiverThatHangsHoldUpNobody", "internal/event TestDestinationThatHangsHoldsUpNoOther"}, "the others are delivered meanwhile", "the rise of the others' p99"},
		{"WH8", "Retries are long, jittered and bounded", []string{"internal/outbox TestAttemptsAreJitteredBelowALimitThatDoubles", "internal/outbox TestADeliveryIsGivenUpWithItsCause", "internal/outbox TestRetryAfterIsHonoured", "internal/event TestGoneHoldsTheDestinationUntilItIsReleased"}, "72 h; Retry-After up to 1 h; 410 holds", ""},
		{"WH9", "What can never be delivered is a dead letter that can be replayed", []string{"internal/outbox TestADeliveryThatCanNeverBeMadeIsDeadAtOnce", "internal/event TestEventThatPanicsIsADeadLetter", "internal/state TestMoreThanABatchIsReleasedDiscardedAndReplayedOnce"}, "each is replayed once", ""},
		{"WH10", "Webhooks are acknowledged quickly", nil, "", "'make bench-events' measures it: docs/performance.md"},
		{"WH11", "A backlog drains", nil, "", "'make bench-events' measures it: docs/performance.md"},
		{"WH12", "Events are signed, and secrets can be rotated", []string{"internal/event TestSignatureIsTheSpecifications", "internal/event TestWebhookReceivesTheEnvelopeSignedWithEachSecret", "e2e TestWebhookOfADestinationIsVerifiedByStandardWebhooks"}, "verified by the library of Standard Webhooks", ""},
	}},
	{"Resilience", []goal{
		{"RE1", "Retries do not amplify an outage", []string{"internal/transfer TestRetriesAreATenthOfTheTransfersWhenEverythingFails", "internal/transfer TestRetriesOfAllLoopsComeOutOfTheAccountsShare"}, "1.1 times the load offered", ""},
		{"RE2", "What may have happened is not repeated", []string{"internal/message TestMessageThatMetaMayHaveIsNotSentAgain", "internal/message TestInterruptedMessageIsNotSentAgainButAReceiptIs", "e2e TestUploadWhoseResponseIsLostIsNotRetried", "internal/outbox TestClockOfAServerThatIsSetLosesNothingAndSendsNothingTwice", "internal/outbox TestClockOfOneOfTwoServersThatIsSetLosesNothingAndSendsNothingTwice"}, "0 messages sent twice, also when a clock is set an hour forward or back", ""},
		{"RE3", "A failure of one tenant's token concerns that tenant only", []string{"internal/outbox TestFailureThatIsNotOfTheDestinationIsRetriedWithBackOff", "internal/event TestFailureOfOneEventIsNoneOfItsDestination"}, "lanes and back-off per destination and account", ""},
		{"RE4", "A noisy tenant is kept apart", []string{"internal/social TestQuotaIsOfAnAccount", "internal/transfer TestAccountWithoutATransferAlwaysGetsAPlace", "internal/transfer TestSlowestTransferOfTheAccountWithTheMostGivesWay", "e2e TestQuotaOfMediaCallsThrottles", "e2e TestUploadsAboveTheLimitAreRefusedAtOnceAndTheOthersComplete"}, "three quarters of the places at most; 429 with Retry-After; 'make hostile' measures a third account's uploads", "the rise of the others' p99"},
		{"RE5", "Load is shed", []string{"internal/social TestUploadsInFlightAreBounded", "e2e TestUploadsBeyondTheLimitAreThrottled", "e2e TestUploadsAboveTheLimitAreRefusedAtOnceAndTheOthersComplete"}, "refused at once with Retry-After; 'make hostile' offers ten times the load: at least 80 % of the uploads of once the load are accepted, and refusals take 250 ms at most", "ten times the load for a minute"},
		{"RE6", "Memory is bounded", []string{"e2e TestMemoryStaysFlatUnderLargeUploads", "e2e TestManyUploadsAtOnceArriveComplete"}, "flat under large uploads; 'make hostile': 1,000 slow uploads at once in 512 MiB, and 64 MiB above idle under 2,000 clients with bodies of 14 MB", "1,000 uploads of 100 MB each"},
		{"RE7", "A stop drains", []string{"e2e TestStopWaitsForUploadsInProgress", "e2e TestSecondSignalStopsAtOnce", "e2e TestStopCutsOffAfterDrainTimeout", "e2e TestServerIsNotReadyBeforeItStops"}, "0 accepted requests fail", ""},
		{"RE8", "A full disk is survived", []string{"internal/state TestFullDiskRefusesWritesUntilItHasSpaceAgain", "internal/social TestFullDiskIsRefusedBeforeTheUpload", "internal/event TestWebhookIsNotAcknowledgedWhileTheDiskIsAlmostFull"}, "a second after there is space", ""},
		{"RE9", "Clients cannot use up the file descriptors", []string{"e2e TestIdleClientsDoNotTakeAllFileDescriptors", "internal/admission TestFileDescriptorsAreDivided"}, "/livez answers", ""},
		{"RE10", "A failed fsync is not repeated into a lie", []string{"internal/state TestLostWriteStopsTheServer"}, "the process ends", "an fsync that fails in a real file system"},
		{"RE11", "PostgreSQL may fail over", []string{"internal/state TestServerThatIsKilledAndStartedAgain", "internal/state TestWriteWhoseCommitWasNotConfirmedIsMadeOnce", "e2e TestDatabaseThatIsKilledAndStartedAgainUnderLoad", "e2e TestDatabaseOfReplicasThatIsRestartedLosesNothing", "e2e TestNetworkBetweenServerAndDatabase"}, "0 lost, 0 duplicates in the state", ""},
		{"RE12", "Histories are linearizable", []string{"e2e TestHistoriesOfTwoServersAreLinearizable"}, "tags and destinations at two servers over one database, checked by Porcupine: 10 histories of 200 calls on each engine, 500 in 'make soak'", "link and unlink"},
		{"RE13", "Nothing leaks", []string{"e2e TestGoroutinesAndOpenFilesStayAsManyAsTheyWere"}, "as many goroutines and open files after 3,500 calls of nine kinds, wrong and aborted ones included; 'make soak' makes them for an hour; goleak in the tests of packages with goroutines", ""},
		{"RE14", "There are no races", nil, "", "'make test' runs the tests of the product, and the servers of e2e, with the race detector"},
		{"RE15", "Upgrades are safe, and so is the way back", []string{"e2e TestServersAreUpgradedOneByOneAndBack", "internal/state TestMigrationThatIsKilledAtAnyStatementContinuesAtTheNextStart", "internal/state TestMigrationsOnlyExpandTheSchema", "internal/state TestNewerSchemaIsUsedUnlessItNeedsANewerProgram", "internal/state TestFilesThatAnEarlierVersionSharedKeepTheirUsers"}, "a migration killed between any two statements on both engines: 0 stuck; three servers upgraded and one returned under load: 0 lost", ""},
	}},
	{"Secrets", []goal{
		{"SE1", "No secret is on disk in the clear", []string{"e2e TestNoSecretIsLeftAnywhereAfterAWholeRun", "internal/state TestFilesContainNoSecrets", "e2e TestDatabaseOfARunningServerContainsNoSecretInTheClear"}, "0 hits of 34 canaries, raw, base64, hex and URL-encoded, in SQLite's files and a backup, PostgreSQL's rows, files and log, and temporary files", "core files"},
		{"SE2", "A sealed value opens only in its place", []string{"internal/secret TestSealedValueOpensOnlyInItsPlaceAndWithItsKey"}, "every move fails", ""},
		{"SE3", "What was changed or cut is an error, never a panic", []string{"internal/secret TestWhatWasChangedDoesNotOpen", "internal/secret FuzzOpen"}, "10,000,000 values with changed, missing and additional bytes: 0 open, 0 panics; and a fuzz target", ""},
		{"SE4", "Keys are rotated without downtime", []string{"internal/admin TestNoReadAndNoWriteFailsWhileRotationsAreKilled", "internal/admin TestProcessWithAnOldKeysetSealsNothingAfterTheRotation", "e2e TestServersServeWhileTheKeysetIsRotated", "internal/state TestEverySealedColumnIsSealedAgain", "internal/secret TestFileIsReplacedAtOnceAndKeepsItsModeAndOwner"}, "rotations killed 100 times between readers and writers on two servers: 0 failed, no value of the old key at the end; two real servers and 25 kill -9 of the command: 0 of 5,466 calls failed", ""},
		{"SE5", "Without a good key nothing starts", []string{"internal/secret TestBadKeysetIsRefusedWithoutShowingIt", "internal/secret TestKeyThatNobodyGeneratedIsRefused", "internal/secret TestKeysetThatIsNotWrappedAsConfiguredIsRefused", "e2e TestServeRefusesAKeysetOfAnotherDatabase", "e2e TestKeysetIsEncryptedByKMS"}, "refused, as are keysets that KMS does not decrypt; KMS that is down: 5 attempts at the start, none while a server runs", ""},
		{"SE6", "No secret is in any output", []string{"e2e TestNoSecretIsLeftAnywhereAfterAWholeRun", "internal/event TestSecretsThatAServiceRepeatsAreInNoError", "internal/kms TestSecretsThatKMSRepeatsAreInNoError", "e2e TestSecretsAppearNowhere", "cmd/ferry TestDoctorOfServe", "e2e TestSecretsAreFoundInEveryEncoding", "internal/secret TestNoVerbPrintsTheValue", "internal/secret TestNoLogHandlerAndNoEncoderShowsTheValue"}, "0 hits in logs at level debug, traces, metrics, responses, pages, what commands print, and the arguments of the server; each canary is found where it is planted", ""},
		{"SE7", "Meta's token goes to no other host", []string{"internal/graph TestTokenGoesNowhereElse", "internal/graph TestNothingOfAnErrorShowsTheToken", "e2e TestNoTokenIsSentToAServerThatIsNotTrusted"}, "0", ""},
	}},
	{"Policies", []goal{
		{"PO1", "Decisions are AWS's", []string{"internal/policy TestDecideRows", "internal/policy TestConditionRows", "internal/policy TestReferenceAgrees"}, "rows by hand, and a second evaluator on 2,000,000 random pairs", "10^7 random pairs, for which it takes 'make security SECURITY_FLAGS=\"-rounds 500\"'"},
		{"PO2", "The laws hold", []string{"internal/policy TestLaws"}, "100,000 times ten laws, the seven among them, on random policies", "10^6 of each, for which it takes 'make security SECURITY_FLAGS=\"-rounds 1000\"'"},
		{"PO3", "What is unknown is refused", []string{"internal/policy TestLoadRows", "internal/social TestStoredPolicyThatIsNotUnderstoodAllowsNothing"}, "when a policy is saved", ""},
		{"PO4", "Values of variables are literal", []string{"internal/policy TestVariablesInResources", "internal/policy TestVariablesAreLiteral", "internal/policy FuzzVariablesAreLiteral"}, "100,000 random values with wildcards and variables: 0 match more than themselves; and a fuzz target", ""},
		{"PO5", "Every operation has AWS's action and resource", []string{"internal/social TestPolicyDecidesOverOperationAndObject", "internal/social TestPolicyDecidesOverTheResourceThatTheInputNames", "internal/social TestConditionsBindTheRightsOnOtherServices"}, "all operations", ""},
		{"PO6", "Decisions are fast", []string{"internal/policy TestEvaluateAllocatesNothing", "internal/policy TestNoPatternBlowsUp"}, "no allocation; the benchmark of internal/policy measures 1,000 statements", ""},
		{"PO7", "Nothing crosses accounts", []string{"internal/social TestStrangerSeesNoAccount", "internal/social TestForeignTemplateDoesNotExist", "internal/social TestForeignFlowDoesNotExist", "internal/social TestAnotherAccountsPhoneNumberDoesNotExist", "internal/state TestRowsOfAnotherAccountAreNotFound"}, "what belongs to others does not exist", ""},
	}},
	{"Console and releases", []goal{
		{"CO1", "No page of another origin changes anything", []string{"internal/console TestPagesOfOtherOriginsAndOtherNamesAreRefused", "internal/console TestConsoleRefusesForeignPagesItself", "internal/gateway TestWebPagesOfOtherOriginsDoNotReachUnsignedListeners"}, "403", ""},
		{"CO2", "No rebinding", []string{"internal/gateway TestHealthAndPartsAnswerToTheirOwnHostNamesOnly", "internal/gateway TestMetricsAnswerToTheirOwnNamesOnly", "e2e TestWebPageCannotRuleTheSimulator"}, "421 on every listener that is not signed", ""},
		{"CO3", "Files of others run no script", []string{"internal/console TestFilesThatABrowserCouldRunAreNeverShownByIt", "e2e TestTextsOfOthersAreOnlyTexts", "e2e TestFilesOfTwoTypesRunNoScript"}, "40 files of two types in Chromium, as pages, in the console, and as scripts, styles, images, frames and objects of a stranger's page: 0 scripts run, 0 requests out", ""},
		{"CO4", "A strict policy for content, with Trusted Types", []string{"internal/console TestEveryPageIsShownWithTheHeadersThatKeepItSafe", "e2e TestConsoleIsAccessibleInLightAndDarkOnPhonesAndDesktops", "e2e TestPagesOfAServerAreAccessibleAndLoadNothingElse"}, "0 violations in Chromium", ""},
		{"CO5", "Releases are reproducible, with an SBOM", []string{"deploy/release TestOneCommitIsTheSameBytesInEveryFolder", "deploy/release TestBillOfMaterialsListsAllThatGoListsOfTheBinary", "deploy/release TestBinarySaysItsVersionAndIsStatic"}, "equal bytes from two folders; 'make reproducible' compares all platforms", "signatures and provenance"},
		{"CO6", "The image is minimal", []string{"deploy/image TestImageIsReproducibleAndNeedsNoRights", "deploy/image TestImageHasAHealthCheckWithoutAShell"}, "FROM scratch, uid 65532, a root that cannot be written, no capabilities, the system calls of the unit; twice the same id", ""},
		{"CO7", "No known vulnerable code", []string{"make vulnerabilities"}, "govulncheck with today's database: 0 in what the binary calls", ""},
	}},
}
