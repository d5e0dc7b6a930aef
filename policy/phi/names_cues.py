"""Words around a name that say who somebody is; tables for `names`.

Every expression here is tried at the edge of a name only, on a few dozen characters in lower case.
"""

import re
from typing import Final

TITLES: Final = frozenset("mr mrs ms miss mx master sr jr".split())
STAFF_TITLES: Final = frozenset(
    """
    dr doctor prof professor nurse sister rev chaplain sgt capt judge-advocate attorney
    ceo cfo coo cto cmo cno cio vp president senator sen congressman congresswoman governor mayor chancellor provost
    chef coach actor actress author editor officer deputy detective sheriff judge justice principal dean chairman
    chairwoman captain lieutenant colonel pastor rabbi bishop imam deacon reverend commissioner technician engineer
    speaker presenter instructor moderator keynote host captain: singer novelist reporter
    """.split()
)
CREDENTIALS: Final = frozenset(
    """
    md do rn np pa pa-c pac lpn lvn cna phd pharmd dds dmd dpm dpt pt ot od dc lcsw lmft msw crna cnm aprn dnp bsn
    msn rd rdn mba jd esq cpa facs facp cpc rhia rhit mph
    """.split()
)

# Capitalised words that begin or end a run without being part of a name.
NOT_NAMES: Final = frozenset(
    """
    a about above according account acct active additional address admission admit after age all allergies also
    although am amount an and any appointment april are as ask assessment at attached attending august authorization
    back bed before below best bill billing birth birthday blood but by call called can cc cell center chart check
    chief clinic clinical code colleague comments complaint complications concern condition confidential consent
    consult consultation contact continue coordination could customer daily date dear dec december denies dental
    department description desk diagnoses diagnosis did director discharge division do doctor dob dx during each
    east effective email emergency employee en encounter english enrollment episode estimated evaluation exam
    examination experience fax feb february female file final findings first follow following for form forward found
    friday from front general good got group guidelines had has have he health hello hello, help her here hi his
    history home hospital hours how however i id if impression in inc include includes indication indications
    individual information insurance insured international invoice is it its jan january july june just kind know
    lab laboratory labs last later left let letter list llc location ltd main male management manager march may me
    medical medicare medication medications medicine meeting member message mild mon monday month months more most
    mr mrs ms my name national need new newsletter next no none normal north not note notes nothing notice nov
    november number nursing oct october of office ok on once one only operation operations operative or order our
    out outpatient over page paid pain past patient patients payment per pharmacy phone physical physician plan
    plans please policy postoperative preoperative prescription present previous primary prior problem procedure
    program progress provider pt question questions quick re reason received recommendations record records referral
    refill refills regarding regards relation reminder remit report reports request results return review right risk
    room routine rx s sample saturday school scan second section see seen sent sept september service services she
    should signed since sincerely south specimen spouse staff state states status street subject subscriber summary
    sun sunday support surgery surgical team test tests thank thanks that the their then there therapy these they
    this those thursday thu time title to today together tomorrow total transcript transfer transferred treatment
    tue tuesday type unit united university until update updated upon use used st saint very via visit vitals was we
    wed wednesday week well were west what when where whether which while who why will with work would yes yesterday
    you your zip dependent claimant guarantor resident client caller re: attn fw fwd mother father son daughter wife
    husband brother sister child baby infant newborn boy girl male guest family technique anesthesia procedure:
    surgeon assistant sponge needle count ebl disposition course social constitutional neurologic cardiovascular
    respiratory gastrointestinal musculoskeletal skin psychiatric genitourinary extremities abdomen chest head neck
    heart lungs eyes ears nose throat neuro neurological general heent ros cv resp gi gu msk psych endocrine
    hematologic american african asian white black hispanic caucasian latino european indian native vietnamese
    chinese french german spanish english jewish christian catholic medicaid hipaa phi pdf csv
    """.split()
)

# A run that holds one of these names an organisation, a place or a thing.
ORGANISATION: Final = frozenset(
    """
    hospital hospitals clinic clinics health healthcare center centre centers medical university college school
    institute institutes inc llc ltd corp corporation company co pharmacy pharma pharmaceuticals pharmaceutical
    laboratories labs laboratory associates partners group foundation association society department services
    service systems system solutions software staffing therapeutics biologics biosciences analytics insurance
    brokers bank street st. avenue ave road rd blvd lane drive court plaza suite floor building county city state
    valley river lake park island bay beach mountain springs heights church cardiology oncology neurology nephrology
    urology dermatology orthopedics orthopaedics psychiatry pediatrics gastroenterology imaging radiology surgery
    surgical dental hospice rehabilitation rehab nursing ministries disease syndrome disorder test scale score index
    criteria questionnaire inventory study trial trials survey program programme journal press news times review
    reviews edition library project award awards committee board council agency administration bureau office
    conference symposium workshop summit webinar act law rule code regulations policy plan shield cross network
    plans medicare medicaid month week day awareness maneuver sign reflex procedure method technique catheter stent
    clamp retractor suture needle solution unit wing ward tower campus house store market print shop waste
    consulting technologies labs logistics supply
    aetna cigna humana anthem bcbs ppo hmo epo hsa uhc kaiser tricare unitedhealthcare labcorp auditorium
    suite foundation luncheon gala
    """.split()
)

# Words after a name that make it the name of a place: "St. Brendan Medical Center".
PLACES: Final = frozenset(
    """
    hospital clinic center centre medical university institute health school department county
    """.split()
)

STAFF_BEFORE: Final = re.compile(
    r"\b(?:by|dr|doctor|prof(?:essor)?|provider|physician|attending|surgeon|assistant|anesthesiologist|nurse"
    r"|pcp|np|pa|resident physician|therapist|counselor|pharmacist|dentist"
    r"|contact|attn|host(?:ed by)?|from|sent by|signed by|written by|dictated by|reviewed by|ordered by"
    r"|referred by|seen by|performed by|prepared by|presented by|author(?:ed by)?|cc|reporter"
    r"|presenter|speaker|instructor|employee(?: of the month|(?=s?:))|staff|manager|supervisor|director|ceo|cfo|coo"
    r"|president|chair"
    r"|cto|cmo|cno|cio|vp|senator|congress(?:man|woman)|governor|mayor|chancellor|provost|chef|coach|actor|actress"
    r"|officer|deputy|detective|sheriff|judge|justice|principal|dean|chair(?:man|woman)|captain|lieutenant|colonel"
    r"|pastor|rabbi|bishop|imam|deacon|reverend|commissioner|technician|engineer|moderator|keynote|singer|novelist"
    r"|(?:ask|e-?mail|questions to|questions for|rsvp to|sign up with|register with|check with|apply to|work with"
    r"|working with|join|led by|run by|taught by|given by|welcome|meet|congratulate|thank)"
    r"|(?:representative|technician|contact|trainer|consultant|contractor|installer|driver|inspector|engineer"
    r"|architect|lead|head|owner|sponsor|volunteer|winner|secretary|treasurer|organi[sz]er|successor|buyer|planner"
    r"|specialist|educator|librarian|preceptor|champion|proctor|auditor|accountant|recruiter) (?:is|was|will be)"
    r"|editor|organizer|attendee|colleague|vendor|rep|recruiter"
    r"|thanks to|sincerely|regards|thanks|colleague|agent|case manager|coordinator|appointment with"
    r"|follow[- ]?up with|follow up with|meeting with|speak with|lunch with"
    r"|attorney|auditor|congratulations to|recipient|user|assigned to|approved by|principal investigator|investigator"
    r"|(?<!sleep )(?<!swallow )(?<!imaging )(?<!conduction )study of"
    r"|et al)(?: name)?s?\b[.:;,]{0,2}[ |]{0,3}"
    r"(?:[a-z][\w'-]{1,20} (?:[a-z][\w'-]{1,20} )?(?:and|&) )?(?:dr\.? )?\Z",
)
# Whoever is named by a trade ("pianist", "advisers", "network manager") or as who it is ("the landlord is"), in words
# that end as trades do; those that end so and are none, or are a patient's.
TRADE: Final = re.compile(
    r"(?!(?:grand)?(?:mother|father|daughter|brother|sister)\b|(?:mem|num|cham)bers?\b|caller|subscriber|worker|prisoner"
    r"|customer|consumer|user|holder|smoker|drinker|survivor|sufferer|settler|passenger|driver|teenager|toddler|elder"
    r"|after|under|over\b|her\b|per\b|for\b|your\b|our\b|or\b|nor\b|refer|transfer|order|consider|remember|center|letter"
    r"|water|paper|however|whether|rather|together|other|another|either|neither|former|later|earlier|never|ever\b"
    r"|further|cover|deliver|enter|offer|discover|differ|suffer|register|monitor|labor|tumor|fever|cancer|ulcer"
    r"|bladder|liver|shoulder|disorder|older|younger|sooner|better|summer|winter|sir|history|list\b|exist|assist|consist"
    r"|persist|resist|wrist|cyst|mist|twist|first|last|donor|minor|major|senior|junior|prior|error|favor|color|floor"
    r"|door|poor|minister|trigger|answer|gender|danger|finger|power|tower|lower|upper|inner|outer|super|dinner|proper"
    r"|matter|butter|corner|folder|header|footer|quarter|chapter|newsletter|reminder|computer|printer|scanner|counter)"
    r"[a-z]{2,14}(?:ists?|ians?|ers?|ors?)"
)
IDENTITY_BEFORE: Final = re.compile(
    r"(?<!patient )(?<!pt )(?<!name )(?<!client )(?<!member )(?<!caller )(?<!resident )(?<!this )(?<!it )\bis \Z"
)
STAFF_AFTER: Final = re.compile(
    r" '\d\d\b| from (?:the|our) \w+ (?:takes|will|has|is)\b|"
    r",? {0,2}\(?(?:m\.?d\.?|d\.?o\.?|r\.?n\.?|n\.?p\.?|p\.?a\.?(?:-c)?|l\.?p\.?n\.?|ph\.?d\.?|pharm\.?d"
    r"|d\.?d\.?s|dpm|dpt|lcsw|lmft|crna|cnm|aprn|dnp|f\.?a\.?c\.?[sp]\.?|esq)\b(?!\w)"
    r"|,? (?:et al|and colleagues|[se]?vp|cto|cio|coo|director|manager|president|ceo|cfo"
    r"|vice president|chief|professor|senior"
    r"|editor|spokes\w{1,8})\b"
    r"|,? (?:will (?:present|host|lead|speak|be covering|cover|attend|draft|send|review|prepare|share|join"
    r"|handle|update|work on|take notes|follow up|be out|be on|demo|demonstrate|order|rework|moderate|train"
    r"|give|bring|run|install|restock|fix|announce|talk|explain|teach|perform|sing|donate|judge|emcee|sign"
    r"|collect|organi[sz]e|coordinate|bring|sell"
    r"|facilitate|chair|arrive)|wrote|is in town|joins|joined"
    r"|collects|organi[sz]es|coordinates|leads|runs the|brings|hands out|sells|hosts|heads|chairs|opens|manages|owns"
    r"|studies|researches|covers|drafted|is organi[sz]ing|has joined|arrives|donated|donates"
    r"|to (?:fix|install|order|present|lead|attend|draft|chair|cover|join|moderate|host)"
    r"|(?:our|the|a|an|your) (?:[a-z]{2,14} )?(?:rep|representative|vendor|consultant|contractor|intern|recruiter"
    r"|auditor|attorney|engineer|architect|trainer|speaker|chair)"
    r"|presented the|announced|is on call|is covering|said|explained|recommends|teaches|founded"
    r"|is (?:the|our) (?:director|manager|head|chair|new|speaker|contact|vendor|host|rep))\b"
    r"|'s? (?:office|team|book|study|group|lab\b|article|talk\b|presentation|slides|deck\b|paper|proposal|webinar"
    r"|lecture|keynote|column|interview)"
    r"|:? please (?:review|approve|edit|circulate|forward|sign off)\b"
    r"| and [a-z][\w'-]{1,20} [a-z][\w'-]{1,20}(?: will (?:present|host|lead|speak|attend|draft|review|prepare|share"
    r"|join|demo|chair|moderate)|:? please (?:review|approve|edit|circulate|forward))\b",
)

# What makes of a name an eponym: "Wilson's disease", "Bell's palsy", "Foley catheter".
EPONYM_AFTER: Final = re.compile(
    r"(?:'s?)? (?:disease|syndrome|palsy|tumou?r|sarcoma|lymphoma|sign|test|score|scale|criteria|classification"
    r"|maneuver"
    r"|catheter|esophagus|thyroiditis|chorea|contracture|cyst|fracture|phenomenon|reflex|stain|procedure|operation|law"
    r"|hernia|angina|anemia|nodes?|encephalopathy|neuroma|duct|diverticulum|ulcer|dementia|gait|triad|ring|tube|pouch)s?\b"
)
IN_PLACE_BEFORE: Final = re.compile(r"\b(?:in|from|near|the|at|around|across|greater|downtown|outside) \Z")
# A person of the staff who is a patient: "Roe RN may return to work on Monday".
WORKER_AFTER: Final = re.compile(
    r"(?:,? (?:rn|lpn|md|cna|pa|np|rt|pct))?,? (?:will be (?:off\b|out\b|on (?:\w+ )?leave)|is having|had surgery"
    r"|may return|can return|tested|was diagnosed|is cleared"
    r"|is not cleared|not cleared"
    r"|is out (?:with|for)|fell|was exposed|got stuck|is on (?:fmla|leave|light duty))\b"
)

# The person a letter opens with is its reader: a patient only when the letter speaks to one (`reader`).
GREETING_BEFORE: Final = re.compile(
    r"^[ >|]{0,4}(?:dear|hi|hello|hey|good morning|good afternoon|greetings|thank you|thanks),? (?:mr|mrs"
    r"|ms|miss)?\.? ?\Z"
)
GREETING_AFTER: Final = re.compile(r" ?[,:!.;-]| for\b|\Z")

SELF_BEFORE: Final = re.compile(
    r"\b(?:i am|i'm|my name is|(?:his|her|their|patient's) name is|this is|it's|it is|me,)[ :]{1,2}\Z"
)

PATIENT_LABEL: Final = re.compile(
    r"\b(?:patients?|pt|name of patient|pt name|patient name|member|subscriber|insured|beneficiary|client"
    r"|claimant|dependent|guarantor|caller|relative of patient|re|regarding|visit|transcript"
    r"|mother|father|son|daughter|spouse|wife|husband|guardian|parent|resident|last name|first name"
    r"|full name|name|deceased|decedent|student|child|baby|participant)(?: name)?s?"
    r" ?[:#=|]{1,2} {0,3}(?:mr|mrs|ms|miss)?\.? ?\Z|\b(?:visit|transcript|session"
    r"|appointment|results|labs)[:,]? (?:with|for|of)? ?\Z|transcript, \Z",
)
PATIENT_BEFORE: Final = re.compile(
    r"\b(?:patient|pt|patient named|named|member|subscriber|insured|client|our patient|my patient"
    r"|(?:bed|room|rm\.?|bay|pod)(?: #)? ?\d{1,4}[a-d]?[:,]?|resident|scripts? for|rx for|meds for|orders? for|cpap for"
    r"|participant|kit \d+ for|thanks for sending|sending(?: you| over)?|transferring|add|supporting|support|"
    r"re-?schedul(?:e|ed|ing)|schedule|cancel(?:led)?|admitting|please see|squeeze in"
    r"|fit in|signature (?:for|on)|enrolled|employee|(?:approved|denied|denial|appeal|authorized|coverage) for|remind"
    r"|on file for|screen(?:ing)? (?:for|on)|test(?:ed)? (?:for|on)|delivery for|samples? (?:for|from)"
    r"|eligibility for|benefits for|referred|refer|transferring|discharging|grandma|grandpa|uncle|aunt|cousin|nephew"
    r"|niece|authorization for|auth for|claim for|claims for|results? for"
    r"|labs? for|refill for"
    r"|records? (?:for|of)|attorney for|lawyer for|report (?:of|on|for)|transport for|decedent|worker:?"
    r"|intake:?|mom of|dad of|plan for|panel for|audiogram for|wants|result for|photo of|baby (?:boy|girl)"
    r"|daughter of|son of|chart (?:for|of)|appointment for|referral for|referring|behalf of|care of"
    r"|caring for|treating|treated|admitted|discharged|evaluated|diagnosed|saw|examined|prescribed"
    r"|mother of|father of|parent of"
    r"|daughter,?|son,?|husband,?|wife,?|mother,?|father,?|brother,?|sister,?|regarding|re|about|case of"
    r"|obtained from|explained to|informed|like|called|female,?|male,?|woman,?|man,?|boy,?|girl,?"
    r"|y/?o,?|old,?) (?:mr|mrs|ms|miss)?\.? ?\Z",
)
PATIENT_AFTER: Final = re.compile(
    r"(?:,| -|:)? {0,2}(?:"
    r"(?:was|is|has been|had been|were|has|had|will be) (?:\w{1,15} ){0,2}?(?:seen|admitted|discharged"
    r"|transferred|diagnosed|treated|evaluated|scheduled|under (?:my|our) care|taken|brought|placed"
    r"|prepped|referred|hospitalized|started|given"
    r"|prescribed|intubated|extubated|counseled|informed|examined|consented|complaining|experiencing"
    r"|suffering|requesting|pregnant|allergic|taking|on \w{3,20}|noted|found|advised|told"
    r"|a \w{3,12} \d{1,3}|an? \d{1,3}|a very pleasant|a pleasant|a known|history)"
    r"|presents|presented|has (?:his|her|their)|shows (?!the\b|how\b|you\b|us\b|our\b)|reports|reported|denies"
    r"|denied|complains|complained"
    r"|underwent|tolerated|states|stated|admits|returned|returns|developed|received|continues|consented"
    r"|expired|died|had an?|has an?|suffers|suffered|requires|needs"
    r"|[(/] ?\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|, \d{1,2}(?:[,.;)]| ?[mf]\b)|tested (?:positive|negative)"
    r"|came back (?:positive|negative)"
    r"|,? (?:0?[1-9]|1[0-2])[-/.]\d{1,2}[-/.](?:19\d\d|20[01]\d|[3-9]\d)\b|,? (?:19\d\d|20[01]\d)-\d\d-\d\d\b"
    r"|(?:is|was|are) (?:still |now |back |also )?(?:due|cleared|not cleared|in (?:the )?(?:icu|er|ed|hospital|rehab"
    r"|detox|labor)|out of (?:his|her|the) |on (?:her|his)|at (?:the )?(?:hospital|er|ed|clinic)|having|bleeding"
    r"|vomiting"
    r"|coughing|wheezing|in pain|sick|ill\b|dizzy|weak|worse|better|stable|npo|asking for|calling|coming in|here for)"
    r"|will be (?:off\b|out\b|on (?:\w+ )?leave|admitted|induced)|has (?:two|three|four|a few|some|another) "
    r"|(?:may|can|cannot|can't|should) (?:return|go back|not lift|not bear|be discharged|come off)"
    r"|(?:called|calls|came in|comes in|went to|missed|no-showed|wants|asks|asked|is asking|stopped"
    r"|starts? (?!the\b|as\b)|started (?!the\b|as\b)"
    r"|takes|took|uses|wears|weighs|gained|lost|fell|broke|has had|had had|hasn't|isn't|won't|vomited|passed out"
    r"|fainted|collapsed|has been|had his|had her"
    r"|saw|sees|is seeing|recovered|relapsed|overdosed|met criteria|meets criteria|could not|couldn't)\b"
    r"|(?:rn|lpn|md|cna)?,? (?:may return|tested positive|tested negative|was diagnosed|is cleared|is not cleared)"
    r"|(?:19|20)\d{6}\b|\(?d\.?o\.?b\b|date of birth|\(?mrn\b|\(?ssn\b|member id|\(?\d{1,3} ?(?:y/?o|yo|yr"
    r"|year|[mf]\b)|\(?age\b|home meds|c/o|s/p|h/o|hx|pmh"
    r")|'s? (?:\w{1,15} ){0,2}?(?:labs?|results?|mri|ct|x-?ray|scan|biopsy|chart|medications?|meds"
    r"|prescription|refill|surgery|procedure|appointment|diagnosis|condition|treatment|symptoms|blood|test"
    r"|records?|dose|therapy|claim|insurance|visit|pain|wound"
    r"|cancer|a1c|inr|bp|family|mother|father|wife|husband|temperature|vitals|incision|care|dob|doctor|nurse)\b",
)
AGE: Final = re.compile(
    r"\b(?:\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)[- ]{0,2}(?:year|yr"
    r"|month|week|day)s?[- ]{1,2}old\b|\b\d{1,3} ?y/?o\b|\b(?:female|male|woman|gentleman|lady) patient\b",
)
