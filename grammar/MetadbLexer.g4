// The words, numbers and punctuation of the Metadb dialect. What is delimited or nested (comments,
// quoted names, every kind of string) is cut by DialectLexer with the rules of scan.h, in linear
// time and without recursion; its token types are declared here.
lexer grammar MetadbLexer;

tokens {
  QUOTED_NAME, STRING, ESCAPE_STRING, DOLLAR_STRING,
  UNTERMINATED,   // a delimited piece that reaches the end of the text
  EMPTY_NAME,     // ""
  UNICODE_QUOTED  // U&'...' or U&"..."
}

// Keywords. Each is a name as well: see rule `keyword` of the parser.
ACCESS      : A C C E S S ;
ADD         : A D D ;
ALL         : A L L ;
ALTER       : A L T E R ;
ARRAY       : A R R A Y ;
BACKFILL    : B A C K F I L L ;
BIT         : B I T ;
CHAR        : C H A R ;
CHARACTER   : C H A R A C T E R ;
COLUMN      : C O L U M N ;
COMMENT     : C O M M E N T ;
CONSISTENCY : C O N S I S T E N C Y ;
CREATE      : C R E A T E ;
DATA        : D A T A ;
DAY         : D A Y ;
DEAD        : D E A D ;
DEFAULT     : D E F A U L T ;
DEREGISTER  : D E R E G I S T E R ;
DOUBLE      : D O U B L E ;
DROP        : D R O P ;
ENDSYNC     : E N D S Y N C ;
EXTERNAL    : E X T E R N A L ;
FOR         : F O R ;
FORCE       : F O R C E ;
FROM        : F R O M ;
FUNCTION    : F U N C T I O N ;
GRANT       : G R A N T ;
HOUR        : H O U R ;
INFERRED    : I N F E R R E D ;
INTERVAL    : I N T E R V A L ;
JSON        : J S O N ;
LETTERS     : L E T T E R S ;
LIST        : L I S T ;
MAPPING     : M A P P I N G ;
MINUTE      : M I N U T E ;
MONTH       : M O N T H ;
NATIONAL    : N A T I O N A L ;
NCHAR       : N C H A R ;
ON          : O N ;
OPTIONS     : O P T I O N S ;
ORIGIN      : O R I G I N ;
PASSWORD    : P A S S W O R D ;
PATH        : P A T H ;
PAUSE       : P A U S E ;
PRECISION   : P R E C I S I O N ;
PURGE       : P U R G E ;
REF         : R E F ;
REFRESH     : R E F R E S H ;
REGISTER    : R E G I S T E R ;
RESET       : R E S E T ;
RESUME      : R E S U M E ;
RETRY       : R E T R Y ;
REVOKE      : R E V O K E ;
RUN         : R U N ;
SCHEDULE    : S C H E D U L E ;
SCHEMA      : S C H E M A ;
SECOND      : S E C O N D ;
SET         : S E T ;
SOURCE      : S O U R C E ;
SQL         : S Q L ;
SWEEP       : S W E E P ;
SYNC        : S Y N C ;
SYSTEM      : S Y S T E M ;
TABLE       : T A B L E ;
TIME        : T I M E ;
TIMESTAMP   : T I M E S T A M P ;
TO          : T O ;
TYPE        : T Y P E ;
TYPES       : T Y P E S ;
USER        : U S E R ;
VARYING     : V A R Y I N G ;
VERIFY      : V E R I F Y ;
WITH        : W I T H ;
WITHOUT     : W I T H O U T ;
YEAR        : Y E A R ;
ZONE        : Z O N E ;

IDENTIFIER : [A-Za-z_] [A-Za-z_0-9$]* ;  // without letters above 127, which DialectLexer takes
NUMBER     : [0-9]+ ( '.' [0-9]* )? ( E [+\-]? [0-9]+ )? | '.' [0-9]+ ( E [+\-]? [0-9]+ )? ;
PARAMETER  : '$' [0-9]+ ;

COMMA     : ',' ;
DOT       : '.' ;
EQUALS    : '=' ;
LEFT      : '(' ;
RIGHT     : ')' ;
LEFT_BRACKET  : '[' ;
RIGHT_BRACKET : ']' ;
MINUS     : '-' ;
SEMICOLON : ';' ;

SPACE : [ \t\n\u000B\f\r]+ -> channel(HIDDEN) ;

// Everything has a token, so that the parser is the one who refuses.
OTHER : . ;

fragment A : [aA] ;
fragment B : [bB] ;
fragment C : [cC] ;
fragment D : [dD] ;
fragment E : [eE] ;
fragment F : [fF] ;
fragment G : [gG] ;
fragment H : [hH] ;
fragment I : [iI] ;
fragment J : [jJ] ;
fragment K : [kK] ;
fragment L : [lL] ;
fragment M : [mM] ;
fragment N : [nN] ;
fragment O : [oO] ;
fragment P : [pP] ;
fragment Q : [qQ] ;
fragment R : [rR] ;
fragment S : [sS] ;
fragment T : [tT] ;
fragment U : [uU] ;
fragment V : [vV] ;
fragment W : [wW] ;
fragment X : [xX] ;
fragment Y : [yY] ;
fragment Z : [zZ] ;
